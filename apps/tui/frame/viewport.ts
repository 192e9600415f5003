/** Which rows of a long list are drawn: only those that are seen, with the selected one always among them. */
export interface Viewport {
  readonly from: number;
  readonly to: number;
}

/** `previousFrom` keeps the list still while the selection moves inside of what is seen. */
export function viewportOf(count: number, height: number, selected: number, previousFrom: number): Viewport {
  const visible = Math.max(0, Math.min(height, count));
  if (visible === 0) return { from: 0, to: 0 };
  let from = Math.min(Math.max(0, previousFrom), Math.max(0, count - visible));
  if (selected < from) from = selected;
  if (selected >= from + visible) from = selected - visible + 1;
  from = Math.max(0, from);
  return { from, to: Math.min(count, from + visible) };
}
