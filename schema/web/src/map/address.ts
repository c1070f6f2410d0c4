// The part of the page's address that says which record is open; MapLibre keeps the view beside it.

/** The server writes it too: a record's own address leads browsers here. */
const RECORD = "select";

function parts(): string[] {
  return location.hash.slice(1).split("&").filter(Boolean);
}

export function recordInAddress(): string | null {
  const part = parts().find((one) => one.startsWith(`${RECORD}=`));
  if (!part) return null;
  try {
    return decodeURIComponent(part.slice(RECORD.length + 1)) || null;
  } catch {
    return null;
  }
}

export function viewInAddress(): boolean {
  return parts().some((one) => one.startsWith("view="));
}

/** Where a link to this record leads, keeping the view. */
export function hrefTo(id: string | null): string {
  const kept = parts().filter((one) => !one.startsWith(`${RECORD}=`));
  // an id's colon and slash are what makes it readable
  if (id) kept.push(`${RECORD}=${encodeURIComponent(id).replaceAll("%3A", ":").replaceAll("%2F", "/")}`);
  return `#${kept.join("&")}`;
}

/** A new step in the browser's history, so that Back returns to the record before. */
export function putRecordInAddress(id: string | null): void {
  if (recordInAddress() === id) return;
  history.pushState(null, "", `${location.pathname}${location.search}${hrefTo(id)}`);
}
