// What a hub without devices shows: what to do next. Owns its section.

import { fill, h } from "../../app/dom.js";
import { linkTo } from "../../app/router.js";

/** @returns {{element: HTMLElement, show: (isEmpty: boolean, isAdmin: boolean) => void}} */
export function empty() {
  const element = h("section", { class: "empty", id: "empty", hidden: true });
  const command = (/** @type {string} */ text) => h("pre", {}, h("code", {}, text));
  const steps = [
    h("a", { class: "primary empty-way", href: linkTo(["admin", "devices"]) }, "Add a device"),
    h("p", {}, "Or on the machine where the hub runs; it prints the token the device connects with:"),
    command("tributary device add NAME"),
    h("p", {}, "No device at hand? Let that machine show its own sensors:"),
    command("tributary host"),
    h("p", { class: "muted" }, "Devices show up here by themselves as soon as they are added."),
  ];
  const waiting = [h("p", {}, "An administrator of this hub can add one, or give you access to those there are. They show up here by themselves.")];
  const show = (/** @type {boolean} */ isEmpty, /** @type {boolean} */ isAdmin) => {
    if (isEmpty && element.dataset.role !== String(isAdmin)) {
      element.dataset.role = String(isAdmin);
      const mark = h("img", { src: "./static/mark.svg", alt: "", width: 56, height: 56 });
      fill(element, mark, h("h1", {}, "No device yet"), isAdmin ? steps : waiting);
    }
    element.hidden = !isEmpty;
  };
  return { element, show };
}
