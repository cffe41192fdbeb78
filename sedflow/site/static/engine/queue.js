// One queue to the thread that computes: one request at a time, quick ones before an answer that
// waits, a newer answer in the place of one that waits, and what may come at leisure last.

/** An answer that nobody waits for any longer. */
export class Superseded extends Error {
  constructor() {
    super("A newer galaxy was asked for");
    this.name = "Superseded";
  }
}

/** @typedef {{call: string, asked: any, resolve: (value: any) => void, reject: (error: Error) => void}} Job */

export class Queue {
  /** @param {(call: string, asked: any) => Promise<any>} send to the thread */
  constructor(send) {
    this.send = send;
    /** @type {Job[]} */
    this.quick = [];
    /** @type {Job | null} */
    this.answer = null;
    /** @type {Job[]} */
    this.idle = [];
    this.busy = false;
  }

  /** Ask for something when nothing else is asked. @param {string} call @param {any} asked */
  leisurely(call, asked) {
    const ignored = () => {};
    this.idle.push({ call, asked, resolve: ignored, reject: ignored });
    this.next();
  }

  /** @param {string} call @param {any} asked @returns {Promise<any>} */
  ask(call, asked) {
    return new Promise((resolve, reject) => {
      const job = { call, asked, resolve, reject };
      if (call === "answer") {
        this.answer?.reject(new Superseded());
        this.answer = job;
      } else {
        this.quick.push(job);
      }
      this.next();
    });
  }

  next() {
    if (this.busy) return;
    let job = this.quick.shift() ?? null;
    if (!job) {
      job = this.answer ?? this.idle.shift() ?? null;
      this.answer = null;
    }
    if (!job) return;
    this.busy = true;
    const { resolve, reject } = job;
    this.send(job.call, job.asked).then(resolve, reject).finally(() => {
      this.busy = false;
      this.next();
    });
  }
}
