# SPDX-License-Identifier: Apache-2.0
"""Mistakes in a dataset: audits, issues, decisions, saved views, the review plan."""
