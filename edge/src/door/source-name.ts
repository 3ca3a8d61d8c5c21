/** Name of the source behind the door's `POST /readings`; no source of the configuration may have it. */
export const doorSource = 'door';
