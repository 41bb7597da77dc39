using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow;

public sealed class RotationTests
{
    // By the message to the key in force; the next key is always the same one.
    private static readonly ConcurrentDictionary<string, string> Rewrapped = new(StringComparer.Ordinal);

    [Fact]
    public async Task A_rotation_loses_nothing_not_even_whoever_enrols_meanwhile()
    {
        await using var scene = await EscrowScene.Create();
        var (ada, betty, carol) = (await scene.Enrolled("ada"), await scene.Enrolled("betty"), await scene.Person("carol"));
        var rotation = await Start(scene);
        (rotation.Total, rotation.Staged, rotation.State).ShouldBe((2, 0, RotationState.Running));
        (await Finish(scene, rotation)).Refusal!.Code.ShouldBe(RefusalCode.RotationUnfinished);
        await StageAll(scene, rotation);
        (await scene.Enrol(carol)).Refusal.ShouldBeNull();

        // Until the switch nothing has changed for anybody.
        (await scene.Recover(ada, scene.Organisation)).ShouldBe(ada.Key.Public.Fingerprint);
        (await scene.Policy()).Key!.Fingerprint.ShouldBe(scene.Organisation.Public.Fingerprint);
        (await Finish(scene, rotation)).Refusal!.Code.ShouldBe(RefusalCode.RotationUnfinished);
        (await Tasks(scene, rotation)).Tasks.ShouldHaveSingleItem().Password.Account.ShouldBe(carol.Account);
        await StageAll(scene, rotation);

        var policy = (await Finish(scene, rotation, EscrowMode.Mandatory)).Value;

        (policy.Mode, policy.Key!.Fingerprint).ShouldBe((EscrowMode.Mandatory, scene.Next.Public.Fingerprint));
        foreach (var person in new[] { ada, betty, carol })
        {
            (await scene.Recover(person, scene.Next)).ShouldBe(person.Key.Public.Fingerprint);
        }

        (await scene.Count("SELECT COUNT(*) FROM escrow_passwords")).ShouldBe(3);
        (await scene.Ledgered(LedgerEvent.EscrowRotated)).ShouldBe(1);
        (await Finish(scene, rotation)).Refusal!.Code.ShouldBe(RefusalCode.RotationNotFound);
        (await scene.Get<RotateEscrow>().Read(scene.Manager, CancellationToken.None)).Value.State.ShouldBe(RotationState.Finished);
    }

    [Fact]
    public async Task While_it_goes_on_nothing_crosses_it_and_beginning_again_goes_on()
    {
        await using var scene = await EscrowScene.Create();
        await scene.Enrolled("ada");
        var rotation = await Start(scene);
        (await Start(scene)).Id.ShouldBe(rotation.Id);
        var request = await VectorKeys.Secret("account_recovery_request_alternative");
        (await scene.Get<RotateEscrow>().Start(scene.Manager, EscrowScene.Given(request), CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.RotationRunning);
        (await scene.SetMode(EscrowMode.Mandatory)).Refusal!.Code.ShouldBe(RefusalCode.RotationRunning);
        (await scene.Get<RotateEscrow>().Start(EscrowScene.Operator("desk", "user", Permission.EscrowManage), EscrowScene.Given(request), CancellationToken.None))
            .Refusal!.Code.ShouldBe(RefusalCode.AboveCeiling);
        (await scene.Get<RotateEscrow>().Tasks(EscrowScene.Operator("desk", "user", Permission.EscrowManage), rotation.Id, null, 10, CancellationToken.None))
            .Refusal!.Code.ShouldBe(RefusalCode.AboveCeiling);
        await StageAll(scene, rotation);

        (await scene.Get<RotateEscrow>().Cancel(scene.Manager, rotation.Id, CancellationToken.None)).ShouldBeNull();

        (await scene.Get<RotateEscrow>().Cancel(scene.Manager, rotation.Id, CancellationToken.None))!.Code.ShouldBe(RefusalCode.RotationNotFound);
        (await scene.Count("SELECT COUNT(*) FROM escrow_passwords")).ShouldBe(1);
        (await scene.SetMode(EscrowMode.Mandatory)).Refusal.ShouldBeNull();

        // A key that was never in force may be the aim once more.
        var again = await Start(scene);
        again.Id.ShouldNotBe(rotation.Id);
        (await Stage(scene, rotation, (await Tasks(scene, again)).Tasks[0], Rewrap(scene, await Tasks(scene, again), 0)))!.Code.ShouldBe(RefusalCode.RotationNotFound);
        await StageAll(scene, again);
        (await Finish(scene, again)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Only_messages_to_the_next_key_and_for_what_is_there_are_taken()
    {
        await using var scene = await EscrowScene.Create();
        var (ada, betty) = (await scene.Enrolled("ada"), await scene.Enrolled("betty"));
        var rotation = await Start(scene);
        var part = await Tasks(scene, rotation);
        var task = part.Tasks.Single(t => t.Password.Account == ada.Account);
        (await Stage(scene, rotation, task, task.Password.Armored))!.Faults.ShouldHaveSingleItem().Rule.ShouldBe("wrong_recipient");
        (await Stage(scene, rotation, task, "hello"))!.Faults.ShouldHaveSingleItem().Rule.ShouldBe("unparsable");
        var made = Rewrap(scene, part, part.Tasks.ToList().IndexOf(task));
        (await scene.Get<RotateEscrow>().Stage(scene.Manager, rotation.Id, NewId.Make<EscrowPasswordId>(), made, CancellationToken.None))!
            .Code.ShouldBe(RefusalCode.EnrolmentNotFound);

        // Twice, and by many at once, is once.
        (await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Stage(scene, rotation, task, made)))).ShouldAllBe(r => r == null);
        (await scene.Count("SELECT COUNT(*) FROM escrow_passwords")).ShouldBe(3);

        // Who withdraws meanwhile is not missed, and what was staged for them is gone.
        (await scene.Get<EnrolInEscrow>().Withdraw(ada.Caller, CancellationToken.None)).ShouldBeNull();
        (await Stage(scene, rotation, task, made))!.Code.ShouldBe(RefusalCode.EnrolmentNotFound);
        (await scene.Get<EnrolInEscrow>().Renew(betty.Caller, scene.Escrow(betty), CancellationToken.None)).Refusal.ShouldBeNull();
        await StageAll(scene, rotation);
        (await Finish(scene, rotation)).Refusal.ShouldBeNull();
        (await scene.Recover(betty, scene.Next)).ShouldBe(betty.Key.Public.Fingerprint);
        (await scene.Count("SELECT COUNT(*) FROM escrow_passwords")).ShouldBe(1);
    }

    [Fact]
    public async Task What_nobody_or_a_stranger_signed_or_is_somebody_elses_is_not_passed_on()
    {
        await using var scene = await EscrowScene.Create();
        var (ada, betty, carol) = (await scene.Enrolled("ada"), await scene.Enrolled("betty"), await EscrowScene.KeyOf("carol"));
        using var secret = EscrowSecret.New(EscrowScene.Domain, ada.Account.Value, ada.Key.Public.Fingerprint, scene.Acts.Now);
        using var elsewhere = EscrowSecret.New("https://elsewhere.example.com", ada.Account.Value, ada.Key.Public.Fingerprint, scene.Acts.Now);
        var rotation = await Start(scene);
        var part = await Tasks(scene, rotation);
        var task = part.Tasks.Single(t => t.Password.Account == ada.Account);
        Fault(Message(secret)).ShouldBe(PgpFault.Unsigned);
        Fault(Message(secret, carol)).ShouldBe(PgpFault.UnknownSigner);
        Fault(Message(elsewhere, ada.Key)).ShouldBe(PgpFault.WrongDomain);
        Fault(part.Tasks.Single(t => t.Password.Account == betty.Account).Password.Armored).ShouldNotBeNull();
        Fault(task.Password.Armored[..(task.Password.Armored.Length / 2)]).ShouldNotBeNull();
        Fault(Message(secret, ada.Key)).ShouldBeNull();
        Fault(Message(secret, scene.Organisation)).ShouldBeNull("After a rotation it is the organisation that signed.");
        EscrowRewrapping.For(RewrappingWork.Of(part), scene.Next, null, scene.Acts.Now).Fault().ShouldBe(PgpFault.FingerprintDiffers);

        PgpFault? Fault(string message) => EscrowRewrapping.For(RewrappingWork.Of(part), scene.Organisation, null, scene.Acts.Now).Value
            .Run(message, task.Password.Account, task.Fingerprint, task.PersonKey, scene.Acts.Now).Fault();

        string Message(EscrowSecret holds, PgpSecretKey? signer = null)
        {
            using var json = holds.Write();
            return signer is null
                ? PgpMessages.Encrypt(json.Span, scene.Organisation.Public, scene.Acts.Now)
                : PgpMessages.Encrypt(json.Span, scene.Organisation.Public, scene.Acts.Now, signer);
        }
    }

    [Fact]
    public async Task A_server_that_holds_the_key_does_it_by_itself_and_says_what_stands_in_the_way()
    {
        var source = new KeyInMemory();
        await using var scene = await EscrowScene.Create(more: s => s.AddSingleton<IEscrowKeySource>(source));
        var (ada, betty) = (await scene.Enrolled("ada"), await scene.Enrolled("betty"));
        var unsigned = await scene.Person("carol");
        using (var secret = EscrowSecret.New(EscrowScene.Domain, unsigned.Account.Value, unsigned.Key.Public.Fingerprint, scene.Acts.Now))
        using (var json = secret.Write())
        {
            var halves = scene.Escrow(unsigned);
            (await scene.Enrol(unsigned, halves with { Passwords = [halves.Passwords![0] with { Armored = PgpMessages.Encrypt(json.Span, scene.Organisation.Public, scene.Acts.Now) }] }))
                .Refusal.ShouldBeNull();
        }

        var rotation = await Start(scene);
        var work = scene.Get<ContinueRotations>();
        await work.RunOnce(CancellationToken.None);
        (await Progress()).ShouldBe((RotationState.Running, 0), "Nobody holds the key.");
        source.Hold(scene.Next);
        await work.RunOnce(CancellationToken.None);
        (await Progress()).ShouldBe((RotationState.Running, 0), "It is another key.");
        source.Hold(scene.Organisation, await EscrowScene.KeyOf("ada"));
        await work.RunOnce(CancellationToken.None);
        (await Progress(), source.Reads).ShouldBe(((RotationState.Running, 0), 1), "What stands in the way is not looked at again at once.");
        scene.Engine.Time.Advance(TimeSpan.FromSeconds(2));
        await work.RunOnce(CancellationToken.None);
        (await Progress()).ShouldBe((RotationState.Running, 2), "One is signed by nobody.");
        scene.Engine.Time.Advance(TimeSpan.FromSeconds(3));
        await work.RunOnce(CancellationToken.None);
        source.Reads.ShouldBe(2, "The pause grows.");
        scene.Engine.Time.Advance(TimeSpan.FromSeconds(1));

        (await scene.Get<EnrolInEscrow>().Remove(scene.Manager, unsigned.Account, CancellationToken.None)).ShouldBeNull();
        await Task.WhenAll(work.RunOnce(CancellationToken.None), work.RunOnce(CancellationToken.None));

        (await Progress()).ShouldBe((RotationState.Finished, 2));
        (await scene.Recover(ada, scene.Next)).ShouldBe(ada.Key.Public.Fingerprint);
        (await scene.Recover(betty, scene.Next)).ShouldBe(betty.Key.Public.Fingerprint);
        (await scene.Policy()).CreatedBy.ShouldBe(scene.Manager.Principal);
        await work.RunOnce(CancellationToken.None);
        (await scene.Ledgered(LedgerEvent.EscrowRotated)).ShouldBe(1);

        async Task<(RotationState, long)> Progress()
        {
            var now = (await scene.Get<RotateEscrow>().Read(scene.Manager, CancellationToken.None)).Value;
            now.Id.ShouldBe(rotation.Id);
            return (now.State, now.Staged);
        }
    }

    [Fact]
    public async Task Disabling_ends_it_and_undoing_does_not_bring_it_back()
    {
        await using var scene = await EscrowScene.Create();
        var ada = await scene.Enrolled("ada");
        var rotation = await Start(scene);
        await StageAll(scene, rotation);
        (await scene.Disable()).Refusal.ShouldBeNull();
        (await Finish(scene, rotation)).Refusal!.Code.ShouldBe(RefusalCode.RotationNotFound);
        (await scene.Get<RotateEscrow>().Start(scene.Manager, EscrowScene.Given(scene.Next), CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.EscrowDisabled);

        (await scene.Undo()).Refusal.ShouldBeNull();

        (await scene.Get<RotateEscrow>().Read(scene.Manager, CancellationToken.None)).Value.State.ShouldBe(RotationState.Cancelled);
        (await scene.Recover(ada, scene.Organisation)).ShouldBe(ada.Key.Public.Fingerprint);
        (await scene.Count("SELECT COUNT(*) FROM escrow_passwords")).ShouldBe(1);
    }

    [Fact]
    public async Task Whatever_commit_is_lost_the_rotation_goes_on_where_it_was()
    {
        var source = new KeyInMemory();
        await using var scene = await EscrowScene.Create(more: s => s.AddSingleton<IEscrowKeySource>(source));
        var ada = await scene.Enrolled("ada");
        source.Hold(scene.Organisation);
        await Start(scene);
        var work = scene.Get<ContinueRotations>();

        // The first commit of a round takes the lease. The second is the message, twice, and then the switch, twice: each lost, then kept
        // but reported lost.
        foreach (var (fault, staged, key) in new[]
        {
            (Fault.Lost, 0, scene.Organisation), (Fault.Kept, 1, scene.Organisation), (Fault.Lost, 1, scene.Organisation), (Fault.Kept, 1, scene.Next),
        })
        {
            scene.Engine.Faults.FailNth(2, fault);
            await Should.ThrowAsync<Sparekey.Engine.Storage.StorageUnavailableException>(() => work.RunOnce(CancellationToken.None));
            (await scene.Policy()).Key!.Fingerprint.ShouldBe(key.Public.Fingerprint);
            (await scene.Get<RotateEscrow>().Read(scene.Manager, CancellationToken.None)).Value.Staged.ShouldBe(staged);
            (await scene.Recover(ada, key)).ShouldBe(ada.Key.Public.Fingerprint);
        }

        await work.RunOnce(CancellationToken.None);
        (await scene.Ledgered(LedgerEvent.EscrowRotated)).ShouldBe(1);
        (await scene.Count("SELECT COUNT(*) FROM escrow_passwords")).ShouldBe(1);
    }

    private static async Task<Rotation> Start(EscrowScene scene) =>
        (await scene.Get<RotateEscrow>().Start(scene.Manager, EscrowScene.Given(scene.Next), CancellationToken.None)).Value;

    private static async Task<RotationPart> Tasks(EscrowScene scene, Rotation rotation) =>
        (await scene.Get<RotateEscrow>().Tasks(scene.Manager, rotation.Id, null, 100, CancellationToken.None)).Value;

    private static string Rewrap(EscrowScene scene, RotationPart part, int which)
    {
        var task = part.Tasks[which];
        return Rewrapped.GetOrAdd(task.Password.Armored, _ => EscrowRewrapping.For(RewrappingWork.Of(part), scene.Organisation, null, scene.Acts.Now).Value
            .Run(task.Password.Armored, task.Password.Account, task.Fingerprint, task.PersonKey, scene.Acts.Now).Value);
    }

    private static Task<Refusal?> Stage(EscrowScene scene, Rotation rotation, RotationTask task, string message) =>
        scene.Get<RotateEscrow>().Stage(scene.Manager, rotation.Id, task.Password.Id, message, CancellationToken.None);

    private static async Task StageAll(EscrowScene scene, Rotation rotation)
    {
        var part = await Tasks(scene, rotation);
        for (var i = 0; i < part.Tasks.Count; i++)
        {
            (await Stage(scene, rotation, part.Tasks[i], Rewrap(scene, part, i))).ShouldBeNull();
        }
    }

    private static Task<Result<EscrowPolicy>> Finish(EscrowScene scene, Rotation rotation, EscrowMode? mode = null) =>
        scene.Get<RotateEscrow>().Finish(scene.Manager, rotation.Id, EscrowScene.Revoked(scene.Organisation), mode, CancellationToken.None);
}

/// <summary>The organisation key in the server's hand, without the files.</summary>
internal sealed class KeyInMemory : IEscrowKeySource
{
    private PgpSecretKey? _key;
    private PgpSecretKey? _reviewer;

    public EscrowOrigin Origin => EscrowOrigin.Local;

    public int Reads { get; private set; }

    public void Hold(PgpSecretKey? key, PgpSecretKey? reviewer = null) => (_key, _reviewer) = (key, reviewer);

    public bool IsHeld(TenantId tenant) => _key is not null;

    public Task<Result<HeldEscrowKeys>> Read(TenantId tenant, CancellationToken cancellationToken)
    {
        Reads++;
        return Task.FromResult<Result<HeldEscrowKeys>>(new Held(_key!.ExportUnprotected(), _reviewer?.ExportUnprotected()));
    }

    private sealed class Held(PinnedBytes key, PinnedBytes? reviewer) : HeldEscrowKeys
    {
        public override EscrowKeyMaterial Material => new(key.Span.ToArray(), default, reviewer?.Span.ToArray(), default);

        public override void Dispose()
        {
            key.Dispose();
            reviewer?.Dispose();
        }
    }
}
