# SPDX-License-Identifier: Apache-2.0
"""What would be right instead of a mistake: pure functions over the tracks table."""
