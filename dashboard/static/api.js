// The page of the API, made of ./openapi.json: every route with who may, parameters, bodies, answers, refusals, and a curl line.
//
// Owns the page. Sends nothing but the one request; what the document says goes in as text, never as HTML.

import { h } from "./app/dom.js";
import { Theme } from "./app/theme.js";

const SHOWN_METHODS = ["get", "post", "put", "patch", "delete"];
const find = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

// Words with `code` in them.
function words(text) {
  return text.split(/(`[^`]+`)/).map((part) => (part.startsWith("`") && part.length > 2 ? h("code", {}, part.slice(1, -1)) : part));
}

const paragraphs = (text) => text.split(/\n\s*\n/).map((each) => h("p", {}, ...words(each.replace(/\s+/g, " ").trim())));

// The limits that a schema names, for people.
function limits(schema) {
  const all = [schema, ...(schema.anyOf ?? [])];
  const first = (key) => all.map((each) => each[key]).find((value) => value !== undefined);
  const types = [...new Set(all.flatMap((each) => each.type ?? []))].filter((type) => type !== "null");
  const said = [types.join(" or ")];
  const options = first("enum") ?? (first("const") !== undefined ? [first("const")] : undefined);
  if (options) said.push(options.join(", "));
  const named = [
    ["minimum", "from"], ["exclusiveMinimum", "above"], ["maximum", "to"], ["exclusiveMaximum", "below"],
    ["minLength", "at least"], ["maxLength", "at most"], ["minItems", "at least"], ["maxItems", "at most"],
  ];
  for (const [key, word] of named) if (first(key) !== undefined) said.push(`${word} ${Number(first(key)).toLocaleString("en")}`);
  if (schema.default !== undefined && schema.default !== null && schema.default !== "") said.push(`default ${JSON.stringify(schema.default)}`);
  return said.filter((each) => each).join(", ");
}

function copyable(text, name) {
  const button = h("button", { type: "button", "aria-label": `Copy: ${name}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2_000);
  });
  return h("div", { class: "with-copy" }, h("pre", { tabindex: 0 }, h("code", {}, text)), button);
}

function table(heads, rows) {
  const head = h("tr", {}, ...heads.map((each) => h("th", { scope: "col" }, each)));
  const body = rows.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, ...[cell].flat()))));
  return h("div", { class: "table" }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...body)));
}

class Api {
  constructor(said) {
    this.said = said;
    this.routes = []; // {group, node, text}
  }

  resolve(schema) {
    return schema.$ref ? this.said.components.schemas[schema.$ref.split("/").pop()] : schema;
  }

  // The first example of a body or an answer: its own, or its model's.
  example(form) {
    if (form.example !== undefined) return form.example;
    const own = Object.values(form.examples ?? {})[0];
    if (own) return own.value;
    for (const each of [form.schema ?? {}, ...(form.schema?.anyOf ?? [])]) {
      const found = this.resolve(each).examples?.[0];
      if (found !== undefined) return found;
    }
    return undefined;
  }

  curl(method, path, operation) {
    const needed = (operation.parameters ?? []).filter((each) => each.required);
    const value = (each) => [each.schema.examples?.[0] ?? each.example].flat()[0];
    const full = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(value(needed.find((each) => each.name === name))));
    const query = needed.filter((each) => each.in === "query").map((each) => `${each.name}=${encodeURIComponent(value(each))}`).join("&");
    const base = new URL("../..", location.href).href.replace(/\/$/, "");
    const line = ["curl"];
    const scheme = (operation.security ?? []).flatMap((each) => Object.keys(each)).find((each) => each !== "cookie");
    if (scheme) line.push(`-H "Authorization: Bearer $${scheme === "bearer" ? "TOKEN" : `${scheme.toUpperCase()}_TOKEN`}"`);
    const [kind, form] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
    if (method !== "get" && !(method === "post" && kind)) line.push(`-X ${method.toUpperCase()}`);
    if (kind === "application/json") line.push(`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(this.example(form)).replaceAll("'", "'\\''")}'`);
    else if (kind === "application/x-www-form-urlencoded") line.push(...Object.entries(this.example(form)).map(([key, each]) => `-d '${key}=${each}'`));
    else if (kind) line.push(`-H 'Content-Type: ${kind}'`, "--data-binary @FILE");
    line.push(`'${base}${full}${query ? `?${query}` : ""}'`);
    return line.join(" \\\n  ");
  }

  show() {
    find("title").textContent = this.said.info.title === "Tributary" ? "Tributary's HTTP API" : this.said.info.title;
    find("about").append(...paragraphs(this.said.info.description));
    const ways = Object.entries(this.said.components.securitySchemes);
    find("ways").append(h("h2", {}, "Who asks"), h("dl", {}, ...ways.flatMap(([name, each]) => [h("dt", {}, name), h("dd", { class: "muted" }, each.description)])));
    for (const tag of this.said.tags) this.group(tag);
    this.filter("");
  }

  group(tag) {
    const routes = [];
    for (const [path, operations] of Object.entries(this.said.paths))
      for (const method of SHOWN_METHODS)
        if (operations[method]?.tags.includes(tag.name)) routes.push(this.route(method, path, operations[method]));
    const count = h("span", { class: "muted" });
    const link = h("li", {}, h("a", { href: `#group-${tag.name}` }, tag.name, count));
    find("groups").append(link);
    const section = h("section", { id: `group-${tag.name}`, class: "api-group" }, h("h2", {}, tag.name), h("p", { class: "muted" }, tag.description), ...routes.map((each) => each.node));
    find("routes").append(section);
    this.routes.push({ section, link, count, routes });
  }

  route(method, path, operation) {
    const badge = h("span", { class: "method", data: { method: method.toUpperCase() } }, method.toUpperCase());
    const summary = h("summary", {}, badge, h("span", { class: "path" }, path), h("span", { class: "said" }, ...words(operation.summary)));
    const node = h("details", { id: operation.operationId, class: "route card" }, summary);
    node.addEventListener("toggle", () => {
      if (node.open && node.childElementCount === 1) node.append(this.more(method, path, operation));
    });
    const codes = Object.values(operation.responses).flatMap((each) => Object.keys(each.content?.["application/json"]?.examples ?? {}));
    const names = (operation.parameters ?? []).map((each) => each.name);
    const text = [method, path, operation.summary, operation.description, ...codes, ...names].join(" ").toLowerCase();
    return { node, text };
  }

  more(method, path, operation) {
    const more = h("div", { class: "route-more" }, ...paragraphs(operation.description));
    const schemes = (operation.security ?? []).map((each) => Object.keys(each)[0] ?? "nobody in particular");
    const who = operation["x-roles"]?.length ? operation["x-roles"] : schemes.length ? schemes : ["everybody"];
    more.append(h("h3", {}, "For"), h("div", { class: "roles" }, ...who.map((each) => h("span", {}, each))));
    if (operation.parameters?.length) {
      const rows = operation.parameters.map((each) => [
        [h("code", {}, each.name), h("div", { class: "muted" }, each.required ? `${each.in}, needed` : each.in)],
        words(each.description ?? each.schema.description ?? ""),
        limits(each.schema),
        h("code", {}, [each.schema.examples?.[0] ?? each.example].flat().join(", ")),
      ]);
      more.append(h("h3", {}, "Parameters"), table(["Name", "Meaning", "Limits", "Example"], rows));
    }
    for (const [kind, form] of Object.entries(operation.requestBody?.content ?? {})) {
      more.append(h("h3", {}, `Body, ${kind}`), this.fields(form.schema), ...this.shown(form));
    }
    more.append(h("h3", {}, "Try it"), copyable(this.curl(method, path, operation), `${method} ${path}`));
    for (const [status, answer] of Object.entries(operation.responses)) if (Number(status) < 400 || !this.refusals(answer)) more.append(...this.answer(status, answer));
    const refused = Object.entries(operation.responses).flatMap(([status, answer]) => Object.values(answer.content?.["application/json"]?.examples ?? {}).map((each) => [status, h("code", {}, each.value.code), each.value.message, each.value.hint]));
    if (refused.length) more.append(h("h3", {}, "Refusals"), table(["Status", "Code", "Such as", "Hint"], refused));
    return more;
  }

  refusals(answer) {
    return Boolean(answer.content?.["application/json"]?.examples);
  }

  answer(status, answer) {
    const found = Object.entries(answer.content ?? {}).flatMap(([kind, form]) => [h("p", { class: "muted" }, kind), this.fields(form.schema ?? {}), ...this.shown(form)]);
    return [h("h3", {}, `Answer ${status}`), h("p", {}, ...words(answer.description)), ...found];
  }

  shown(form) {
    const example = this.example(form);
    if (example === undefined) return [];
    return [h("pre", { tabindex: 0 }, h("code", {}, typeof example === "string" ? example : JSON.stringify(example, null, 2)))];
  }

  // The fields of a model, one line each.
  fields(schema) {
    const models = [schema, ...(schema.anyOf ?? [])].map((each) => this.resolve(each)).filter((each) => each.properties);
    const rows = models.flatMap((model) => Object.entries(model.properties).map(([name, each]) => {
      const inner = [each, each.items ?? {}, ...(each.anyOf ?? [])].map((one) => one.$ref?.split("/").pop()).find((one) => one);
      const kind = each.type === "array" ? `array${inner ? ` of ${inner}` : ""}` : inner ?? limits(each);
      return [[h("code", {}, name), model.required?.includes(name) ? null : h("span", { class: "muted" }, " ?")].filter((one) => one), kind, words(each.description ?? "")];
    }));
    return rows.length ? table(["Field", "Type", "Meaning"], rows) : "";
  }

  // Show what has every word; no words: everything.
  filter(text) {
    const wanted = text.toLowerCase().split(/\s+/).filter((each) => each);
    let shown = 0;
    for (const { section, link, count, routes } of this.routes) {
      let here = 0;
      for (const route of routes) {
        route.node.hidden = !wanted.every((each) => route.text.includes(each));
        here += route.node.hidden ? 0 : 1;
      }
      section.hidden = link.hidden = here === 0;
      count.textContent = String(here);
      shown += here;
    }
    find("count").textContent = `${shown}`;
    find("no-match").hidden = shown > 0;
  }
}

function openNamed() {
  const node = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (node instanceof HTMLDetailsElement) {
    node.open = true;
    node.scrollIntoView();
  }
}

async function start() {
  new Theme(find("theme"), () => {});
  try {
    const answer = await fetch("./openapi.json");
    if (!answer.ok) throw new Error(`the hub answered ${answer.status}`);
    const api = new Api(await answer.json());
    api.show();
    const search = /** @type {HTMLInputElement} */ (find("search"));
    search.addEventListener("input", () => api.filter(search.value));
    addEventListener("hashchange", openNamed);
    openNamed();
  } catch (error) {
    find("failed").textContent = `The description of the API could not be read: ${error.message}. Reload the page.`;
    find("failed").hidden = false;
  }
}

await start();
