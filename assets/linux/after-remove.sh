#!/bin/sh
# After Emberscope was removed by dpkg or rpm. electron-builder fills in what is written in braces.
set -e

# dpkg: the new version of an upgrade keeps the profile; rpm passes the number of versions that stay.
case "$1" in
  remove | purge | 0) ;;
  *) exit 0 ;;
esac

# Unwind tables that recordings by root have kept.
if [ "$1" != remove ]; then
  rm -rf /var/cache/${executable}
fi

# What "emberscope install-helper --group" may have added.
rm -f /usr/libexec/${executable}/emberscope-helper-caps
rmdir --ignore-fail-on-non-empty /usr/libexec/${executable} 2>/dev/null || true

profile='/etc/apparmor.d/${executable}'
if [ -f "$profile" ]; then
  if [ -d /sys/kernel/security/apparmor ] && command -v apparmor_parser >/dev/null 2>&1; then
    apparmor_parser --remove "$profile" || true
  fi
  rm -f "$profile"
fi
# Translated for the kernel, by us and at every boot since.
rm -f /var/cache/apparmor/*/${executable}
