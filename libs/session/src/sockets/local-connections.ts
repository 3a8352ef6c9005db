import type { VouchedCredential } from '../nest/credential/vouched-session.js';
import type { Connection } from './connection.js';

/** Told of a connection that has come, gone, or changed its session. Must not throw, and must not wait. */
export type ConnectionObserver = (connection: Connection) => void;

const NONE: ReadonlySet<Connection> = new Set();

/** Most have one, and a set of one takes more memory than a connection. */
type Present = Connection | Set<Connection>;
type Index = Map<string, Present>;

/** The connections of this node: by id, by session and by user. */
export class LocalConnections {
  readonly #byId = new Map<string, Connection>();
  readonly #bySession: Index = new Map();
  /** By tenant first: a text for both would be kept beside the ids that others keep anyhow. */
  readonly #byUser = new Map<string | null, Index>();
  readonly #observers = new Set<ConnectionObserver>();

  get size(): number {
    return this.#byId.size;
  }

  get sessions(): number {
    return this.#bySession.size;
  }

  /** The answer ends it. */
  observe(observer: ConnectionObserver): () => void {
    this.#observers.add(observer);
    return () => {
      this.#observers.delete(observer);
    };
  }

  get(id: string): Connection | undefined {
    return this.#byId.get(id);
  }

  all(): IterableIterator<Connection> {
    return this.#byId.values();
  }

  ofSession(sessionId: string): ReadonlySet<Connection> {
    return setOf(this.#bySession.get(sessionId));
  }

  ofUser(tenantId: string | null, userId: string): ReadonlySet<Connection> {
    return setOf(this.#byUser.get(tenantId)?.get(userId));
  }

  /** One of the connections of each session; goes on over what is added and removed meanwhile. */
  *oneOfEachSession(): IterableIterator<Connection> {
    for (const present of this.#bySession.values()) {
      if (!(present instanceof Set)) yield present;
      else {
        for (const connection of present) {
          yield connection;
          break;
        }
      }
    }
  }

  /** The session was live at this moment, in milliseconds on the database's clock. */
  confirm(sessionId: string, at: number): void {
    const present = this.#bySession.get(sessionId);
    if (present instanceof Set) for (const connection of present) connection.confirmedAt = at;
    else if (present !== undefined) present.confirmedAt = at;
  }

  /** @throws Error where there is one of that id: two would be taken for each other */
  add(connection: Connection): void {
    const { id } = connection;
    if (this.#byId.has(id)) throw new Error(`There is a connection of the id ${id} already.`);
    this.#byId.set(id, connection);
    if (connection.credential !== null) this.#index(connection, connection.credential);
    this.#tell(connection);
  }

  /** Binds a connection to a session, or with `null` to none. */
  bind(connection: Connection, credential: VouchedCredential | null): void {
    if (connection.credential !== null) this.#unindex(connection, connection.credential);
    connection.credential = credential;
    if (this.#byId.get(connection.id) !== connection) return;
    if (credential !== null) this.#index(connection, credential);
    this.#tell(connection);
  }

  remove(connection: Connection): void {
    if (this.#byId.get(connection.id) !== connection) return;
    this.#byId.delete(connection.id);
    if (connection.credential !== null) this.#unindex(connection, connection.credential);
    this.#tell(connection);
  }

  #tell(connection: Connection): void {
    for (const observer of this.#observers) observer(connection);
  }

  #index(connection: Connection, { sessionId, tenantId, userId }: VouchedCredential): void {
    addTo(this.#bySession, sessionId, connection);
    let ofTenant = this.#byUser.get(tenantId);
    if (ofTenant === undefined) this.#byUser.set(tenantId, (ofTenant = new Map<string, Present>()));
    addTo(ofTenant, userId, connection);
  }

  #unindex(connection: Connection, { sessionId, tenantId, userId }: VouchedCredential): void {
    removeFrom(this.#bySession, sessionId, connection);
    const ofTenant = this.#byUser.get(tenantId);
    if (ofTenant === undefined) return;
    removeFrom(ofTenant, userId, connection);
    if (ofTenant.size === 0) this.#byUser.delete(tenantId);
  }
}

function setOf(present: Present | undefined): ReadonlySet<Connection> {
  if (present === undefined) return NONE;
  return present instanceof Set ? present : new Set([present]);
}

function addTo(index: Index, key: string, connection: Connection): void {
  const present = index.get(key);
  if (present === undefined) index.set(key, connection);
  else if (present instanceof Set) present.add(connection);
  else index.set(key, new Set([present, connection]));
}

function removeFrom(index: Index, key: string, connection: Connection): void {
  const present = index.get(key);
  if (present === connection) index.delete(key);
  else if (present instanceof Set && present.delete(connection) && present.size === 0) index.delete(key);
}
