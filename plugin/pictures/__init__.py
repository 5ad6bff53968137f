# SPDX-License-Identifier: Apache-2.0
"""Pictures: the crops and plots that the panel and the report share."""
