/** What stands in a form's field of that name. */
export function fieldText(form: EventTarget | null, name: string): string {
  const value = new FormData(form as HTMLFormElement).get(name);
  return typeof value === 'string' ? value : '';
}
