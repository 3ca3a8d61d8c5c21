/** What cloud-init (NoCloud, the boot partition as its seed) does on the first boot of Raspberry Pi OS. */
import { stringify } from 'yaml';
import type { GatewayRow } from './gateways.ts';
import { hostnameOf } from './hostname.ts';

const boot = '/boot/firmware';

export function cloudInitFiles(row: GatewayRow, instanceId: string): ReadonlyMap<string, string> {
  const hostname = hostnameOf(row.gateway);
  return new Map([
    ['meta-data', stringify({ 'instance-id': instanceId, 'local-hostname': hostname })],
    ['user-data', `#cloud-config\n${stringify(userData(row, hostname), { lineWidth: 0 })}`],
    ['network-config', stringify({ network: networkConfig(row) })],
  ]);
}

/** No password anywhere: who has no key gets in neither by SSH nor at the console. */
function userData({ ssh_key: key }: GatewayRow, hostname: string): object {
  const user = {
    name: 'technician',
    groups: ['sudo'],
    shell: '/bin/bash',
    sudo: 'ALL=(ALL) NOPASSWD:ALL',
    lock_passwd: true,
    ssh_authorized_keys: [key],
  };
  return {
    hostname,
    manage_etc_hosts: true,
    ssh_pwauth: false,
    disable_root: true,
    // An empty list: without one, cloud-init would make the distribution's default user.
    users: key === '' ? [] : [user],
    runcmd: [
      // Raspberry Pi OS would ask at the console for a first user.
      ['sh', '-c', 'systemctl disable --now userconfig.service || true'],
      ['systemctl', key === '' ? 'disable' : 'enable', '--now', 'ssh.service'],
      ['dpkg', '--install', `${boot}/millrace/millrace-edge.deb`],
      ['/usr/lib/millrace/first-boot'],
      // It holds the pass-phrase; cloud-init has rendered it into a file of root's by now.
      ['rm', '-f', `${boot}/network-config`],
    ],
  };
}

/** Netplan, version 2. The fixed address is that of the Wi-Fi where there is one, else of the Ethernet port. */
function networkConfig({ network, wifi_ssid: ssid, wifi_psk: password, wifi_country: country }: GatewayRow): object {
  const dynamic = { dhcp4: true, optional: true };
  const wanted =
    network.kind === 'dhcp'
      ? dynamic
      : {
          addresses: [network.address],
          routes: [{ to: 'default', via: network.gateway }],
          nameservers: { addresses: network.dns },
          optional: true,
        };
  if (ssid === '') return { version: 2, ethernets: { eth0: wanted } };
  const wlan0 = { ...wanted, 'regulatory-domain': country, 'access-points': { [ssid]: { password } } };
  return { version: 2, ethernets: { eth0: dynamic }, wifis: { wlan0 } };
}
