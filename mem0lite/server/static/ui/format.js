// Numbers, sizes and instants for people; instants are in the visitor's own time zone.
import { h } from "./dom.js";

const numbers = new Intl.NumberFormat("en");
const spans = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];
const MONTH = 30 * 86_400_000; // milliseconds
const two = (number) => String(number).padStart(2, "0");

export const number = (value) => numbers.format(value);
export const count = (value, one, several = `${one}s`) => `${number(value)} ${value === 1 ? one : several}`;

export function bytes(size) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${power ? (size / 1000 ** power).toFixed(1) : size} ${units[power]}`;
}

/** Return an instant as 2030-01-31 14:05. */
export function instant(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return String(text);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Return how far an instant is from now: "3 hours ago", "in 2 days". */
export function distance(text) {
  const seconds = Math.round((new Date(text) - Date.now()) / 1000);
  if (Number.isNaN(seconds)) return String(text);
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return spans.format(Math.trunc(seconds / length), unit);
}

/** Return an instant as an element: how far it is from now or, beyond a month, its day. */
export function ago(text) {
  const far = Math.abs(new Date(text) - Date.now()) > MONTH;
  return h("time", { datetime: text, title: instant(text) }, far ? instant(text).slice(0, 10) : distance(text));
}

/** Return an instant as an element, with the distance below it. */
export const moment = (text) =>
  h("time", { datetime: text }, instant(text), h("small", { class: "far" }, distance(text)));

/** Return the beginning of a text, without half a character at its end. Long texts make long lists slow. */
export const cut = (text, most) =>
  text.length > most ? `${text.slice(0, most).replace(/[\uD800-\uDBFF]$/, "")}…` : text;

/** Return a value of metadata as a text. */
export const plain = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** Return what a field of the type datetime-local holds as ISO 8601 with the offset of this place. */
export function withOffset(local) {
  if (!local) return undefined;
  const offset = -new Date(local).getTimezoneOffset();
  const sign = offset < 0 ? "-" : "+";
  return `${local}${sign}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
}
