# SPDX-License-Identifier: MIT
"""What the programs of this folder share: one noun a file. BENCHMARKING.md tells what they measure, and how."""
