# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# The initiators that the suite is run on, as the arguments that `berth check-initiator` takes for each. To be sourced with
# $berth set, and $libiscsi_driver for libiscsi.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

berth_login="--timeout {timeout} [--digest {digest}] [--initiator-name {initiator_name}]
    [--user {user} --secret-file {secret_file}]
    [--mutual-user {mutual_user} --mutual-secret-file {mutual_secret_file}]"
on_berth=(
    --read "'$berth' copy $berth_login --from {offset} --length {length} {url} {file}"
    --write "'$berth' copy $berth_login --force --to {offset} {file} {url}"
    --discover "'$berth' discover $berth_login {portal}")

on_libiscsi=(-- "${libiscsi_driver:-}" {operation} {portal} {target} {lun} {lba} {blocks} {block} {file} {timeout}
    '[header={header_digest}]' '[user={user}' 'secret={secret}]' '[mutual-user={mutual_user}'
    'mutual-secret={mutual_secret}]' '[name={initiator_name}]')

qemu_words="{portal} {target} {lun} {offset} {length} {file} {timeout} [header={header_digest}]
    [user={user} secret-file={secret_file}] [name={initiator_name}]"
on_qemu=(
    --read "'$here/qemu-driver' read $qemu_words"
    --write "'$here/qemu-driver' write $qemu_words")

# linux_words FOLDER: for a guest that on-linux has booted
linux_words() {
    local words="{host} {port} {target} {lun} {offset} {length} {file} {timeout} [header={header_digest}] [data={data_digest}]
        [user={user} secret={secret}] [mutual-user={mutual_user} mutual-secret={mutual_secret}] [name={initiator_name}]"
    on_linux=(
        --read "'$here/linux-driver' '$1' read $words"
        --write "'$here/linux-driver' '$1' write $words"
        --discover "'$here/linux-driver' '$1' discover {host} {port} {target} 0 0 0 - {timeout} [user={user} secret={secret}]")
}
