# SPDX-License-Identifier: Apache-2.0
"""Corrections: read them, compare them, load them beside the labels, apply and undo.

Fixes that are made here, without sending anything, are applied and undone like them.

Three words, one for each thing: an *adjustment* is what was sent to be corrected,
*corrections* are what came back of it, and a *review* is the record of their load.
"""
