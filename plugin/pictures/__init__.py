# SPDX-License-Identifier: Apache-2.0
"""The crops and plots that the panel and the report share."""
