#!/bin/sh
# After Emberscope was installed by dpkg or rpm. electron-builder fills in what is written in braces.
set -e

app='/opt/${sanitizedProductName}'

# dpkg also calls this to undo a failed removal or upgrade; rpm passes the number of installed versions.
case "$1" in
  configure | 1 | 2) ;;
  *) exit 0 ;;
esac

# What "emberscope install-helper" of an archive left here: the package has put its own launchers in place of those
# that used the copy, and one for a group would start what is not there any more.
copy='/usr/lib/${executable}'
for_group='/usr/libexec/${executable}/emberscope-helper-caps'
if [ -d "$copy" ]; then
  rm -rf "$copy"
  if grep -qs "$copy/" "$for_group"; then
    rm -f "$for_group"
    echo 'Recording without a password has to be allowed anew: emberscope install-helper --group GROUP' >&2
  fi
fi

# Chromium's sandbox needs user namespaces for plain users, or else its set-id helper.
sandbox_mode=0755
for setting in kernel/unprivileged_userns_clone user/max_user_namespaces; do
  if [ "$(cat "/proc/sys/$setting" 2>/dev/null)" = 0 ]; then
    sandbox_mode=4755
  fi
done
chmod "$sandbox_mode" "$app/chrome-sandbox"

# Ubuntu 23.10 and newer allow user namespaces by AppArmor profile only. Older AppArmor does not know the
# profile's language, and does not need it.
profile='/etc/apparmor.d/${executable}'
if [ -d /etc/apparmor.d ] && command -v apparmor_parser >/dev/null 2>&1 &&
  apparmor_parser --skip-kernel-load --skip-cache "$app/resources/apparmor-profile" >/dev/null 2>&1; then
  cp "$app/resources/apparmor-profile" "$profile"
  if [ -d /sys/kernel/security/apparmor ]; then
    apparmor_parser --replace --write-cache --skip-read-cache "$profile" || true
  fi
fi
