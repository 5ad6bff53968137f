# SPDX-License-Identifier: Apache-2.0
"""Detectors: functions from a scene to findings, one module per family of mistakes."""
