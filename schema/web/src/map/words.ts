// Values as a reader wants to see them.

import type { Coded } from "./entities";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat("en", { dateStyle: "medium" });

export const count = (value: unknown): string => whole.format(Number(value));

export function metres(value: unknown): string {
  const m = Number(value);
  return m >= 1000 ? `${tenths.format(m / 1000)} km` : `${tenths.format(m)} m`;
}

export function area(value: unknown): string {
  const m2 = Number(value);
  return m2 >= 100_000 ? `${tenths.format(m2 / 1e6)} km²` : `${whole.format(m2)} m²`;
}

export function date(value: unknown): string {
  const text = String(value);
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : day.format(at);
}

export const yesNo = (value: unknown): string => (value ? "Yes" : "No");

/** SECONDARY_SCHOOL becomes Secondary school. */
export function enumerated(value: unknown): string {
  const text = String(value).replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A coded value's label, with its code where that says something more. */
export function coded(value: unknown): string {
  const { code, label } = value as Coded;
  if (!label || label === code) return code;
  return /^\d+$/.test(code) ? `${label} (${code})` : label;
}
