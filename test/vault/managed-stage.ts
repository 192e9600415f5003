/** A vault with a managed secret, two daemons that may rotate it and a reader, for tests of the life of a rotation. */
import type { MachineAnswer, MachineBody, MachineRoute } from '@sikkerkey/protocol/vault/machine.ts';
import type { OperatorAnswer, OperatorBody, OperatorRoute } from '@sikkerkey/protocol/vault/operator.ts';
import { asMachine, asOperator, type Identity } from '../support/signed-request.ts';
import { approvedMachine, startVault, type TestVault } from '../support/vault-process.ts';

export interface Machines {
  readonly vault: TestVault;
  readonly projectId: string;
  readonly daemon: Identity;
  readonly otherDaemon: Identity;
  readonly reader: Identity;
}

export class ManagedStage {
  #opened: Machines | null = null;
  #secretId = '';
  #made = 0;

  get machines(): Machines {
    if (this.#opened === null) throw new Error('the stage is not open');
    return this.#opened;
  }

  async open(): Promise<Machines> {
    const vault = await startVault({ serve: ['--lockout-exempt-loopback'] });
    const { projectId } = await asOperator(vault.apiUrl, vault.operator, 'createProject', { name: 'production' });
    const machine = (): Promise<Identity> => approvedMachine(vault, [projectId]);
    this.#opened = { vault, projectId, daemon: await machine(), otherDaemon: await machine(), reader: await machine() };
    return this.#opened;
  }

  async close(): Promise<void> {
    await this.#opened?.vault.stop();
  }

  /** Makes the managed secret that the other methods are about. */
  async newSecret(): Promise<string> {
    const { projectId, daemon, otherDaemon, reader } = this.machines;
    this.#made += 1;
    const { secretId } = await this.operate('createManagedSecret', {
      projectId,
      name: `database-${this.#made}`,
      provider: 'postgresql',
      username: 'app',
      password: 'the first password',
      host: 'db.example',
      port: 5432,
      database: 'app',
      admin: { user: 'postgres', password: 'the administrator' },
    });
    this.#secretId = secretId;
    for (const { id: machineId } of [daemon, otherDaemon]) await this.operate('grant', { secretId, machineId, permission: 'rotate' });
    await this.operate('grant', { secretId, machineId: reader.id, permission: 'read' });
    return secretId;
  }

  readonly operate = <R extends OperatorRoute>(route: R, body: OperatorBody<R>): Promise<OperatorAnswer<R>> =>
    asOperator(this.machines.vault.apiUrl, this.machines.vault.operator, route, body);

  readonly call = <R extends Exclude<MachineRoute, 'events'>>(
    identity: Identity,
    route: R,
    body: MachineBody<R>,
  ): Promise<MachineAnswer<R>> => asMachine(this.machines.vault.apiUrl, identity, route, body);

  /** Claims the work there is; fails the test where there is none or another holds it. */
  readonly claim = async (identity = this.machines.daemon) => {
    const answer = await this.call(identity, 'claim', { secretId: this.#secretId, daemonId: `of-${identity.id}`, purpose: 'work' });
    if (answer.outcome !== 'claimed') throw new Error(`not claimed: ${JSON.stringify(answer)}`);
    return { ...answer.rotation, rotationId: answer.rotation.rotationId ?? '' };
  };

  /** Adopts and takes the first rotation through, so that the secret is steady on slot `a`. */
  readonly adopted = async (): Promise<string> => {
    const { daemon } = this.machines;
    const secretId = this.#secretId;
    const { rotationId } = await this.call(daemon, 'adopt', { secretId, strategy: 'flip', owner: 'app' });
    const { epoch } = await this.claim();
    await this.call(daemon, 'confirm', { secretId, rotationId, epoch });
    await this.call(daemon, 'retired', { secretId, rotationId, epoch });
    return rotationId;
  };

  readonly readAs = (instance: string): Promise<MachineAnswer<'readSecret'>> =>
    this.call(this.machines.reader, 'readSecret', { secretId: this.#secretId, instance, pool: 'main' });
}
