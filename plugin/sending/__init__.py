# SPDX-License-Identifier: Apache-2.0
"""What goes out to be corrected: the chosen frames, their record, the ways out."""
