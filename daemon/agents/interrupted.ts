/** Why an agent's work ended early: not by a failure, but because something else is to be done; its row stays. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interrupted';
  }
}
