# SPDX-License-Identifier: Apache-2.0
"""SageMaker Ground Truth: packages the chosen frames and runs adjustment jobs."""
