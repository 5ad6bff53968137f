# SPDX-License-Identifier: Apache-2.0
"""What came back: read, compared, loaded beside the labels, applied and undone."""
