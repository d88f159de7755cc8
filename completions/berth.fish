# SPDX-License-Identifier: MIT
berth completion fish | source
