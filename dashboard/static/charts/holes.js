// What is missing in a stretch of time, and why; and what happened there: alerts and commands. Pure.

/** @typedef {{fromUs: number, toUs: number, reason: string, kind: string}} Hole */
/** @typedef {{atUs: number, kind: "alert" | "command", level: string, text: string}} Mark */

const REASONS = {
  storing: "Still being stored: this is filled in as soon as that is done",
  kept: "No longer kept in this detail",
  silence: "Nothing came",
};

/**
 * The holes of a chart, `clockUs` being the present where more than the past is seen: what the hub does not have, what the device gave up (`view.holes`), and where none of the lines has anything.
 * @param {{fromUs: number, nowUs: number, hole?: number[] | null, keptFromUs?: number | null, clockUs?: number, holes?: Hole[]}} view
 * @param {{silences?: [number, number][]}[]} lines
 * @returns {Hole[]}
 */
export function holesOf(view, lines) {
  const { fromUs, nowUs: toUs } = view;
  /** @type {Hole[]} */
  const holes = [...(view.holes ?? [])];
  if (view.hole) holes.push({ fromUs: view.hole[0], toUs: view.hole[1], reason: REASONS.storing, kind: "storing" });
  const kept = view.keptFromUs ?? 0;
  if (kept > fromUs) holes.push({ fromUs, toUs: kept, reason: REASONS.kept, kind: "kept" });
  for (const [from, to] of common(lines.map((line) => line.silences ?? []))) {
    holes.push({ fromUs: from, toUs: Math.min(to, view.clockUs ?? toUs), reason: REASONS.silence, kind: "silence" });
  }
  return holes.filter((hole) => hole.toUs > Math.max(fromUs, hole.fromUs) && hole.fromUs < toUs).map((hole) => (
    { ...hole, fromUs: Math.max(hole.fromUs, fromUs), toUs: Math.min(hole.toUs, toUs) }
  ));
}

/** Stretches that are in all of some lists, each sorted. @param {[number, number][][]} lists @returns {[number, number][]} */
export function common(lists) {
  return lists.length === 0 ? [] : lists.reduce((found, list) => {
    /** @type {[number, number][]} */
    const both = [];
    for (let a = 0, b = 0; a < found.length && b < list.length; ) {
      const [from, to] = [Math.max(found[a][0], list[b][0]), Math.min(found[a][1], list[b][1])];
      if (from < to) both.push([from, to]);
      if (found[a][1] < list[b][1]) a += 1;
      else b += 1;
    }
    return both;
  });
}

/** A gap that a device declared, as a hole. @param {any} gap @returns {Hole | null} */
export function holeOfGap({ from_us: fromUs, to_us: toUs, readings, reason }) {
  if (!fromUs || !toUs) return null; // nobody knows when
  const count = readings ? `${readings.toLocaleString("en")} ${readings === 1 ? "reading" : "readings"}` : "Readings";
  return { fromUs, toUs: Math.max(toUs, fromUs + 1), reason: `${count} lost on the device: ${reason || "it gave no reason"}`, kind: "lost" };
}

/** An alert on the time line. @param {any} alert @returns {Mark} */
export function markOfAlert(alert) {
  return { atUs: alert.at_us ?? alert.raised_us, kind: "alert", level: alert.severity, text: `Alert ${alert.rule}, ${alert.state}: ${alert.message}` };
}

/** A command on the time line. @param {any} command @returns {Mark} */
export function markOfCommand(command) {
  const by = command.by ? `, by ${command.by}` : "";
  return { atUs: command.created_us, kind: "command", level: command.state, text: `Command ${command.name}, ${command.state}${by}` };
}

/** What lies at a time or within `nearUs` of it, in words. @param {Hole[]} holes @param {Mark[]} marks @param {number} us @param {number} nearUs */
export function saidAt(holes, marks, us, nearUs) {
  const missing = holes.filter((hole) => hole.fromUs - nearUs <= us && us <= hole.toUs + nearUs).map((hole) => hole.reason);
  const near = marks.filter((mark) => Math.abs(mark.atUs - us) <= nearUs).sort((a, b) => Math.abs(a.atUs - us) - Math.abs(b.atUs - us));
  const more = near.length > 5 ? [`and ${near.length - 5} more`] : [];
  return [...new Set(missing), ...near.slice(0, 5).map((mark) => mark.text), ...more];
}
