/* SPDX-License-Identifier: MIT */
#include "cli/commands.h"
#include "cli/signals.h"

int main(int argc, char *argv[])
{
    signals_install();
    return commands_run(argc, argv);
}
