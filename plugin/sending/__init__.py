# SPDX-License-Identifier: Apache-2.0
"""Send frames for correction, to Ground Truth, as MOT files or to other backends."""
