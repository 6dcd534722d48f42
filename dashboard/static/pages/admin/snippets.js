// Ready-made first programs of a device: with its address, name and token in them. Pure; what they say is tried by the tests.

import { bodyOf } from "./pack.js";

/** @typedef {{title: string, about: string, text: string}} Snippet */

/** @param {string} url of the hub @param {string} name @param {string} token @param {number} nowMs @returns {Snippet[]} */
export function snippetsFor(url, name, token, nowMs) {
  return [
    { title: "Python", about: "Needs pip install tributary-hub. Readings wait in spool until the hub has them.", text: python(url, name, token) },
    { title: "This machine's sensors", about: "In a shell, on a machine with the same package: processor, memory, disk, network.", text: host(url, name, token) },
    { title: "curl", about: "Sends one reading, 21.5 °C, as protocol section 14 says; good once, to see that the way is open. Needs curl and GNU grep.", text: curl(url, name, token, nowMs) },
  ];
}

/** @param {string} url @param {string} name @param {string} token */
const python = (url, name, token) => `import trio
from devices import Channel, Device

async def main():
    channels = [Channel("temperature", "Cel")]
    async with Device("${url}", "${name}", "${token}", channels=channels, spool_dir="spool") as device:
        while True:
            await device.send({"temperature": 21.5})
            await trio.sleep(1)

trio.run(main)`;

/** @param {string} url @param {string} name @param {string} token */
const host = (url, name, token) => `export TRIBUTARY_DEVICE_TOKEN=${token}
tributary host --url ${url} --name ${name}`;

/** @param {string} url @param {string} name @param {string} token @param {number} nowMs */
function curl(url, name, token, nowMs) {
  const hello = { op: "hello", device: name, epoch: nowMs, unfinished: [], channels: [{ name: "temperature", unit: "Cel", kind: "gauge" }] };
  const data = { e: nowMs, s: 1, op: "data", t: nowMs * 1000, c: [0], d: [0], v: [21.5] };
  return `say() { base64 -d | curl -sS -H "Authorization: Bearer ${token}" --data-binary @- "${url}/api/v1/device$1"; }
session=$(echo ${bodyOf(hello)} | say | LC_ALL=C grep -aoP 'session[^\\w-]+\\K[\\w-]{16,}')
echo ${bodyOf(data)} | say "/$session" > /dev/null && echo sent`;
}
