using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow;

public sealed class EscrowPolicyTests
{
    private static readonly EscrowKey Key = new(
        NewId.Make<EscrowKeyId>(), new string('A', 40), "key", EscrowKeyState.Active, DateTimeOffset.UnixEpoch, Principal.System,
        DateTimeOffset.UnixEpoch, "system");

    private static readonly EscrowPolicy Enabled = new(NewId.Make<EscrowPolicyId>(), EscrowMode.OptIn, Key, DateTimeOffset.UnixEpoch, Principal.System);

    private static readonly EscrowPolicy Disabled = new(null, EscrowMode.Disabled, null, DateTimeOffset.UnixEpoch, Principal.System);

    public static TheoryData<bool, string, string> Intents => new()
    {
        // From enabled?, what is sent (m mode, d disabled, k key id, x other key id, n new key, r revoked key, p passwords), what it means or is wrong.
        { false, "m n", "enabled" },
        { false, "m", "/new_key required" },
        { false, "m n r", "/revoked_key forbidden" },
        { false, "m n p", "/passwords forbidden" },
        { false, "d", "/mode nothing_changes" },
        { false, "d r", "/mode nothing_changes" },
        { true, "d r", "disabled" },
        { true, "d r k", "disabled" },
        { true, "d", "/revoked_key required" },
        { true, "d w", "disabled" },
        { true, "d r n", "/new_key forbidden" },
        { true, "d r p", "/passwords forbidden" },
        { true, "o k", "changed" },
        { true, "o x", "/key_id not_the_active_key" },
        { true, "o", "/key_id required" },
        { true, "o k r", "/revoked_key forbidden" },
        { true, "o k p", "/passwords forbidden" },
        { true, "m k", "/mode nothing_changes" },
        { true, "m n r", "rotated" },
        { true, "o n r p", "rotated" },
        { true, "m n r p k", "rotated" },
        { true, "m n", "/revoked_key required" },
    };

    [Theory]
    [MemberData(nameof(Intents))]
    public void What_is_sent_tells_what_is_meant(bool enabled, string sent, string expected)
    {
        bool Has(char c) => sent.Contains(c, StringComparison.Ordinal);
        var change = new EscrowPolicyChange(Has('d') ? EscrowMode.Disabled : Has('o') ? EscrowMode.OptOut : EscrowMode.OptIn)
        {
            KeyId = Has('k') ? Key.Id.ToString() : Has('x') ? NewId.Make<EscrowKeyId>().ToString() : null,
            NewKey = Has('n') ? new GivenKey("new", null) : null,
            RevokedKey = Has('r') ? new GivenKey("revoked", null) : null,
            Passwords = Has('p') ? [new GivenPassword(null, null, null)] : null,
            WithoutRevocation = Has('w'),
        };

        var intent = EscrowPolicyIntent.Of(enabled ? Enabled : Disabled, change);

        (intent.Refusal is { } refused ? string.Join(", ", refused.Faults.Select(f => $"{f.Pointer} {f.Rule}")) : WireName.Of(intent.Value)).ShouldBe(expected);
    }

    [Fact]
    public async Task Nothing_said_is_disabled_and_enabling_takes_a_key()
    {
        await using var scene = await EscrowScene.Create(enabled: false);
        (await scene.Policy()).ShouldBe(new EscrowPolicy(null, EscrowMode.Disabled, null, DateTimeOffset.UnixEpoch, Principal.System));

        var policy = (await scene.Enable(EscrowMode.Mandatory)).Value;

        (policy.Mode, policy.Key!.Fingerprint, policy.CreatedBy).ShouldBe((EscrowMode.Mandatory, scene.Organisation.Public.Fingerprint, scene.Manager.Principal));
        (await scene.Policy()).Id.ShouldBe(policy.Id);
        (await scene.Ledgered(LedgerEvent.EscrowPolicyChanged)).ShouldBe(1);
    }

    [Fact]
    public async Task A_key_that_may_not_be_the_organisations_is_refused_with_its_rule()
    {
        await using var scene = await EscrowScene.Create(enabled: false);
        var ada = await scene.Person("ada");
        await Refused(new GivenKey("no key", null), "unparsable");
        await Refused(EscrowScene.Given(scene.Organisation) with { Fingerprint = new string('0', 40) }, "fingerprint_differs");
        await Refused(EscrowScene.Given(ada.Key), "algorithm_not_allowed");
        (await scene.Write(act => scene.Get<PersonKeyStore>().Put(act, ada.Account, scene.Next.Public))).Refusal.ShouldBeNull();
        await Refused(EscrowScene.Given(scene.Next), "key_is_a_persons");

        // Once in force, never again: not even after it was revoked, and not as a person's key either.
        (await scene.Enable()).Refusal.ShouldBeNull();
        (await scene.Change(new EscrowPolicyChange(EscrowMode.Disabled) { RevokedKey = EscrowScene.Revoked(scene.Organisation) })).Refusal.ShouldBeNull();
        await Refused(EscrowScene.Given(scene.Organisation), "key_used_before");
        (await scene.Write(act => scene.Get<PersonKeyStore>().Put(act, ada.Account, scene.Organisation.Public))).Refusal!.Code.ShouldBe(RefusalCode.CredentialTaken);

        async Task Refused(GivenKey key, string rule)
        {
            var refusal = (await scene.Change(new EscrowPolicyChange(EscrowMode.OptIn) { NewKey = key })).Refusal.ShouldNotBeNull();
            refusal.Faults.ShouldContain(f => f.Rule == rule && f.Pointer.StartsWith("/new_key", StringComparison.Ordinal), rule);
        }
    }

    [Fact]
    public async Task Only_the_key_in_force_with_its_own_revocation_ends_it()
    {
        await using var scene = await EscrowScene.Create();
        await Refused(EscrowScene.Given(scene.Organisation), "not_revoked");
        await Refused(EscrowScene.Revoked(scene.Next), "not_the_active_key");
        await Refused(EscrowScene.Revoked(scene.Next) with { Fingerprint = null }, "revocation_of_another_key");
        (await scene.Policy()).IsEnabled.ShouldBeTrue();

        async Task Refused(GivenKey revoked, string rule) =>
            (await scene.Change(new EscrowPolicyChange(EscrowMode.Disabled) { RevokedKey = revoked })).Refusal!.Faults.ShouldContain(f => f.Rule == rule, rule);
    }

    [Fact]
    public async Task Nobody_without_the_permission_or_the_highest_ceiling_changes_it()
    {
        await using var scene = await EscrowScene.Create();
        var change = new EscrowPolicyChange(EscrowMode.Disabled) { WithoutRevocation = true };
        (await scene.Change(change, EscrowScene.Operator("desk", "admin", Permission.PolicyWrite))).Refusal!.Code.ShouldBe(RefusalCode.PermissionMissing);
        (await scene.Change(change, EscrowScene.Operator("desk", "user", Permission.EscrowManage))).Refusal!.Code.ShouldBe(RefusalCode.AboveCeiling);
        (await scene.Get<ReadEscrowPasswords>().Run(EscrowScene.Operator("desk", "user", Permission.EscrowManage), CancellationToken.None))
            .Refusal!.Code.ShouldBe(RefusalCode.AboveCeiling);
        (await scene.Policy()).IsEnabled.ShouldBeTrue();
    }

    [Fact]
    public async Task Of_two_who_change_it_at_once_one_is_told_so()
    {
        await using var scene = await EscrowScene.Create();
        var key = (await scene.Policy()).Key!.Id.ToString();
        var (changed, conflicts) = (1, 0);
        for (var tries = 0; tries < 20 && conflicts == 0; tries++)
        {
            // The writer is busy until both have looked, as a rule.
            var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var busy = scene.Write(async _ =>
            {
                await gate.Task;
                return true;
            });
            var both = Task.WhenAll(
                new[] { EscrowMode.Mandatory, EscrowMode.OptOut }.Select(m => scene.Change(new EscrowPolicyChange(m) { KeyId = key })));
            await Task.Delay(20);
            gate.SetResult();
            await busy;
            var changes = await both;

            changed += changes.Count(c => c.Refusal is null);
            conflicts += changes.Count(c => c.Refusal?.Code == RefusalCode.VersionConflict);
            (await scene.Count("SELECT COUNT(*) FROM escrow_policies WHERE ended_at IS NULL")).ShouldBe(1);
            (await scene.Ledgered(LedgerEvent.EscrowPolicyChanged)).ShouldBe(changed);
            (await scene.SetMode(EscrowMode.OptIn)).Refusal.ShouldBeNull();
            changed++;
        }

        conflicts.ShouldBe(1);
    }

    [Fact]
    public async Task Where_everybody_shall_enrol_whoever_declined_is_asked_again()
    {
        await using var scene = await EscrowScene.Create();
        var (ada, betty) = (await scene.Enrolled("ada"), await scene.Person("betty"));
        (await scene.Get<EnrolInEscrow>().Decline(betty.Caller, CancellationToken.None)).Value.Status.ShouldBe(EnrolmentStatus.Rejected);

        (await scene.SetMode(EscrowMode.Mandatory)).Refusal.ShouldBeNull();

        (await scene.EnrolmentOf(betty)).ShouldBeNull();
        (await scene.EnrolmentOf(ada))!.Status.ShouldBe(EnrolmentStatus.Approved);
        (await scene.Get<EnrolInEscrow>().Decline(betty.Caller, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.EscrowMandatory);
        (await scene.Get<EnrolInEscrow>().Withdraw(ada.Caller, CancellationToken.None))!.Code.ShouldBe(RefusalCode.EscrowMandatory);
    }

    [Fact]
    public async Task The_whole_rotation_in_one_call_takes_a_message_for_every_private_key()
    {
        await using var scene = await EscrowScene.Create();
        var (ada, betty) = (await scene.Enrolled("ada"), await scene.Enrolled("betty"));
        var all = (await scene.Get<ReadEscrowPasswords>().Run(scene.Manager, CancellationToken.None)).Value;
        (await scene.Ledgered(LedgerEvent.EscrowPasswordsRead)).ShouldBe(1);
        var given = new List<GivenPassword>();
        foreach (var (person, password) in new[] { (ada, all.Single(p => p.Account == ada.Account)), (betty, all.Single(p => p.Account == betty.Account)) })
        {
            using var secret = EscrowMessages.Open(
                password.Armored, scene.Organisation,
                new EscrowExpectation([EscrowScene.Domain], person.Account.Value, person.Key.Public.Fingerprint, [person.Key.Public]), scene.Acts.Now).Value;
            given.Add(new GivenPassword(
                password.PrivateKey.ToString(), scene.Next.Public.Fingerprint,
                EscrowMessages.Rewrap(secret, scene.Next.Public, scene.Organisation, null, scene.Acts.Now)));
        }

        await Refused([given[0]], "invalid_password_count", "missing_password");
        await Refused([], "invalid_password_count", "missing_password");
        await Refused([given[0], given[0]], "duplicate_password");
        await Refused([given[0], given[1] with { PrivateKey = NewId.Make<PrivateKeyId>().ToString() }], "private_key_unknown", "missing_password");
        await Refused([given[0], given[1] with { PrivateKey = "x" }], "not_a_uuid");
        await Refused([given[0], given[1] with { PrivateKey = null }], "required");
        await Refused([given[0], given[1] with { RecipientFingerprint = scene.Organisation.Public.Fingerprint }], "wrong_recipient_fingerprint");
        await Refused([given[0], given[1] with { Armored = all[1].Armored }], "wrong_recipient");
        await Refused([given[0], given[1] with { Armored = (await PassboltVectors.Text("messages.ada.blob")) }], "opens_with_password");
        (await scene.Recover(ada, scene.Organisation)).ShouldBe(ada.Key.Public.Fingerprint);

        var policy = (await Send(given)).Value;

        (policy.Mode, policy.Key!.Fingerprint).ShouldBe((EscrowMode.OptOut, scene.Next.Public.Fingerprint));
        (await scene.Recover(ada, scene.Next)).ShouldBe(ada.Key.Public.Fingerprint);
        (await scene.Recover(betty, scene.Next)).ShouldBe(betty.Key.Public.Fingerprint);
        (await scene.Count("SELECT COUNT(*) FROM escrow_passwords")).ShouldBe(2);
        (await scene.Count("SELECT COUNT(*) FROM escrow_keys WHERE state = 'revoked' AND revoked_armored IS NOT NULL")).ShouldBe(1);

        Task<Result<EscrowPolicy>> Send(IReadOnlyList<GivenPassword> passwords) => scene.Change(new EscrowPolicyChange(EscrowMode.OptOut)
        {
            NewKey = EscrowScene.Given(scene.Next), RevokedKey = EscrowScene.Revoked(scene.Organisation), Passwords = passwords,
        });

        async Task Refused(IReadOnlyList<GivenPassword> passwords, params string[] rules) =>
            (await Send(passwords)).Refusal!.Faults.Select(f => f.Rule).ShouldBe(rules, ignoreOrder: true, string.Join(' ', rules));
    }

    [Fact]
    public async Task Disabling_hides_everything_at_once_and_can_be_undone_for_a_while()
    {
        await using var scene = await EscrowScene.Create();
        var (ada, betty) = (await scene.Enrolled("ada"), await scene.Person("betty"));
        await scene.Get<EnrolInEscrow>().Decline(betty.Caller, CancellationToken.None);
        var credential = (await Credentials(ada)).ShouldHaveSingleItem();
        credential.Kind.ShouldBe(CredentialKind.Escrow);

        var disabled = (await scene.Change(new EscrowPolicyChange(EscrowMode.Disabled) { RevokedKey = EscrowScene.Revoked(scene.Organisation) })).Value;

        (disabled.Key, disabled.UndoUntil).ShouldBe((null, scene.Acts.Now + TimeSpan.FromHours(72)));
        (await scene.EnrolmentOf(ada)).ShouldBeNull();
        (await Credentials(ada)).ShouldBeEmpty();
        (await scene.Acts.Read(db => scene.Get<EscrowStore>().FindBlob(db, TenantId.Default, ada.Account), CancellationToken.None)).ShouldBeNull();
        (await scene.Acts.Read(db => scene.Get<EscrowStore>().FindPassword(db, TenantId.Default, ada.Account), CancellationToken.None)).ShouldBeNull();
        (await scene.Get<ReadEscrowPasswords>().Run(scene.Manager, CancellationToken.None)).Value.ShouldBeEmpty();
        (await scene.Enrol(ada)).Refusal!.Code.ShouldBe(RefusalCode.EscrowDisabled);
        scene.Engine.Time.Advance(TimeSpan.FromHours(71));
        await scene.Get<SweepEscrow>().Run(TenantId.Default, CancellationToken.None);

        var back = (await scene.Undo()).Value;

        (back.Mode, back.Key!.State).ShouldBe((EscrowMode.OptIn, EscrowKeyState.Active));
        (await scene.EnrolmentOf(ada))!.Status.ShouldBe(EnrolmentStatus.Approved);
        (await scene.EnrolmentOf(betty))!.Status.ShouldBe(EnrolmentStatus.Rejected);
        (await Credentials(ada)).ShouldHaveSingleItem().Id.ShouldBe(credential.Id);
        (await scene.Recover(ada, scene.Organisation)).ShouldBe(ada.Key.Public.Fingerprint);
        (await scene.Undo()).Refusal!.Code.ShouldBe(RefusalCode.WrongState);
        scene.Engine.Time.Advance(TimeSpan.FromHours(100));
        await scene.Get<SweepEscrow>().Run(TenantId.Default, CancellationToken.None);
        (await scene.Recover(ada, scene.Organisation)).ShouldBe(ada.Key.Public.Fingerprint);

        Task<IReadOnlyList<Credential>> Credentials(EscrowPerson person) => scene.Get<ListCredentials>().Run(person.Caller, CancellationToken.None);
    }

    [Fact]
    public async Task What_was_disabled_is_gone_when_the_time_to_undo_is_over()
    {
        await using var scene = await EscrowScene.Create();
        await scene.Enrolled("ada");
        (await scene.Disable()).Refusal.ShouldBeNull();
        scene.Engine.Time.Advance(TimeSpan.FromHours(72));

        (await scene.Undo()).Refusal!.Code.ShouldBe(RefusalCode.WrongState);
        await scene.Get<SweepEscrow>().Run(TenantId.Default, CancellationToken.None);

        foreach (var table in new[] { "escrow_enrolments", "escrow_blobs", "escrow_passwords", "credentials" })
        {
            (await scene.Count($"SELECT COUNT(*) FROM {table}")).ShouldBe(0, table);
        }

        (await scene.Ledgered(LedgerEvent.EscrowTruncated)).ShouldBe(1);
        await scene.Get<SweepEscrow>().Run(TenantId.Default, CancellationToken.None);
        (await scene.Ledgered(LedgerEvent.EscrowTruncated)).ShouldBe(1);
    }

    [Fact]
    public async Task What_was_disabled_first_comes_back_although_another_key_was_in_force_meanwhile()
    {
        await using var scene = await EscrowScene.Create();
        var ada = await scene.Enrolled("ada");
        var first = (await scene.Disable()).Value;
        (await scene.Change(new EscrowPolicyChange(EscrowMode.Mandatory) { NewKey = EscrowScene.Given(scene.Next) })).Refusal.ShouldBeNull();
        (await scene.Undo(first.Id)).Refusal!.Code.ShouldBe(RefusalCode.WrongState);
        (await scene.Enrol(ada, scene.Escrow(ada, scene.Next))).Refusal.ShouldBeNull();
        var second = (await scene.Disable()).Value;
        (await scene.Undo(NewId.Make<EscrowPolicyId>())).Refusal!.Code.ShouldBe(RefusalCode.WrongState);

        (await scene.Undo(first.Id)).Value.Key!.Fingerprint.ShouldBe(scene.Organisation.Public.Fingerprint);

        (await scene.Recover(ada, scene.Organisation)).ShouldBe(ada.Key.Public.Fingerprint);
        (await scene.Disable()).Refusal.ShouldBeNull();
        (await scene.Undo(second.Id)).Value.Mode.ShouldBe(EscrowMode.Mandatory);
        (await scene.Recover(ada, scene.Next)).ShouldBe(ada.Key.Public.Fingerprint);
    }
}
