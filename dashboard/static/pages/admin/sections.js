// The sections of the administration and whose they are. Plain: a section is loaded when somebody first goes there.

/**
 * A section, `isOfNodes` where a hub that stands alone has no use for it: `enter` is called with what the address says, and begins what costs something; `leave` ends that.
 * @typedef {{element: HTMLElement, enter: (query: Record<string, string>) => void, leave: () => void}} Section
 * @typedef {{name: string, label: string, roles: string[], isOfNodes?: boolean, load: () => Promise<{make: (app: import("../../app/main.js").App) => Section}>}} Known
 */

const ALL = ["viewer", "operator", "admin"];

/** @type {Known[]} */
export const SECTIONS = [
  { name: "devices", label: "Devices", roles: ["admin"], load: () => import("./devices.js") },
  { name: "keys", label: "Provisioning keys", roles: ["admin"], load: () => import("./keys.js") },
  { name: "users", label: "Users", roles: ["admin"], load: () => import("./users.js") },
  { name: "tokens", label: "API tokens", roles: ["admin"], load: () => import("./tokens.js") },
  { name: "account", label: "My account", roles: ALL, load: () => import("./account.js") },
  { name: "retention", label: "Retention and disk", roles: ALL, load: () => import("./retention.js") },
  { name: "stores", label: "Stores and lag", roles: ALL, load: () => import("./stores.js") },
  { name: "nodes", label: "Nodes", roles: ["operator", "admin"], isOfNodes: true, load: () => import("./nodes.js") },
  { name: "connections", label: "Connections", roles: ["operator", "admin"], load: () => import("./connections.js") },
  { name: "audit", label: "Audit log", roles: ["admin"], load: () => import("./audit.js") },
];
