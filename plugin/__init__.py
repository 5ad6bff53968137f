# SPDX-License-Identifier: Apache-2.0
"""What happens to tracks inside FiftyOne: audit, views, adjustment jobs."""
