# SPDX-License-Identifier: Apache-2.0
"""SageMaker Ground Truth: package chosen frames and run adjustment jobs."""
