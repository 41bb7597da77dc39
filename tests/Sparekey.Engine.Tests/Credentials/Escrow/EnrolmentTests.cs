using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Tests.Credentials.Escrow;

public sealed class EnrolmentTests
{
    [Fact]
    public async Task A_private_key_goes_into_escrow_and_comes_back()
    {
        await using var scene = await EscrowScene.Create();
        var ada = await scene.Person("ada");
        (await scene.EnrolmentOf(ada)).ShouldBeNull();

        var enrolment = (await scene.Enrol(ada)).Value;

        (enrolment.Status, enrolment.Fingerprint, enrolment.IsStale).ShouldBe((EnrolmentStatus.Approved, ada.Key.Public.Fingerprint, false));
        (await scene.Recover(ada, scene.Organisation)).ShouldBe(ada.Key.Public.Fingerprint);
        (await scene.Ledgered(LedgerEvent.EscrowEnrolled)).ShouldBe(1);
        (await scene.Count("SELECT COUNT(*) FROM outbox WHERE kind = 'credential_changed_notice'")).ShouldBe(1);
        (await scene.Enrol(ada)).Refusal!.Code.ShouldBe(RefusalCode.AlreadyEnrolled);
        (await scene.Get<EnrolInEscrow>().Decline(ada.Caller, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.AlreadyEnrolled);
    }

    [Fact]
    public async Task Whoever_declined_may_change_their_mind()
    {
        await using var scene = await EscrowScene.Create();
        var ada = await scene.Person("ada");
        var declined = (await scene.Get<EnrolInEscrow>().Decline(ada.Caller, CancellationToken.None)).Value;
        (await scene.Get<EnrolInEscrow>().Decline(ada.Caller, CancellationToken.None)).Value.Id.ShouldBe(declined.Id);

        (await scene.Enrol(ada)).Value.ShouldSatisfyAllConditions(e => e.Id.ShouldBe(declined.Id), e => e.Status.ShouldBe(EnrolmentStatus.Approved));
    }

    [Fact]
    public async Task What_is_wrong_with_an_escrow_is_said_with_its_place_and_rule_and_nothing_is_stored()
    {
        await using var scene = await EscrowScene.Create();
        var ada = await scene.Person("ada");
        var good = scene.Escrow(ada);
        var password = good.Passwords![0];
        await Refused(good with { Blob = null }, "/blob required");
        await Refused(good with { Passwords = null }, "/passwords required");
        await Refused(good with { Passwords = [] }, "/passwords required");
        await Refused(good with { Passwords = [password, password] }, "/passwords invalid_password_count");
        await Refused(good with { Blob = "hello" }, "/blob unparsable");
        await Refused(good with { Blob = password.Armored }, "/blob no_password");
        await Refused(good with { Blob = WithoutChecksum(good.Blob!) }, "/blob missing_checksum");
        await Refused(good with { Blob = new string('a', PgpMessageShape.MaxLength + 1) }, "/blob too_large");
        await Refused(good with { Passwords = [password with { RecipientFingerprint = null }] }, "/passwords/0/recipient_fingerprint required");
        await Refused(good with { Passwords = [password with { RecipientFingerprint = scene.Next.Public.Fingerprint }] }, "/passwords/0/recipient_fingerprint wrong_recipient_fingerprint");
        await Refused(good with { Passwords = [password with { Armored = null }] }, "/passwords/0/data required");
        await Refused(good with { Passwords = [password with { Armored = good.Blob }] }, "/passwords/0/data opens_with_password");
        await Refused(good with { Passwords = [password with { Armored = scene.Escrow(ada, scene.Next).Passwords![0].Armored }] }, "/passwords/0/data wrong_recipient");
        await Refused(good with { Passwords = [password with { Armored = WithoutChecksum(password.Armored!) }] }, "/passwords/0/data missing_checksum");
        (await scene.EnrolmentOf(ada)).ShouldBeNull();
        (await scene.Count("SELECT COUNT(*) FROM escrow_blobs")).ShouldBe(0);

        async Task Refused(NewEscrow escrow, string fault) =>
            (await scene.Enrol(ada, escrow)).Refusal!.Faults.Select(f => $"{f.Pointer} {f.Rule}").ShouldBe([fault]);

        static string WithoutChecksum(string armored) =>
            string.Join('\n', armored.Split('\n').Where(l => !(l.StartsWith('=') && l.TrimEnd().Length == 5)));
    }

    [Fact]
    public async Task An_escrow_for_a_key_that_is_not_in_force_any_more_is_refused()
    {
        await using var scene = await EscrowScene.Create();
        var ada = await scene.Person("ada");
        var escrow = scene.Escrow(ada);
        var judged = (await scene.Get<EscrowEnrolling>().Check(ada.Caller, escrow, CancellationToken.None)).Value;
        (await scene.Change(new EscrowPolicyChange(EscrowMode.OptIn) { NewKey = EscrowScene.Given(scene.Next), RevokedKey = EscrowScene.Revoked(scene.Organisation) })).Refusal.ShouldBeNull();

        (await scene.Write(act => scene.Get<EscrowEnrolling>().Enrol(act, ada.Caller, ada.Account, judged))).Refusal!.Code.ShouldBe(RefusalCode.VersionConflict);
        (await scene.Enrol(ada, escrow)).Refusal!.Faults.ShouldContain(f => f.Rule == "wrong_recipient_fingerprint");
    }

    [Fact]
    public async Task Whoever_has_no_key_here_cannot_enrol()
    {
        await using var scene = await EscrowScene.Create();
        var ada = await scene.Person("ada");
        await scene.Write(act => scene.Get<PersonKeyStore>().DeleteAll(act, ada.Account));

        (await scene.Enrol(ada)).Refusal!.Faults.ShouldHaveSingleItem().Rule.ShouldBe("person_key_missing");
    }

    [Fact]
    public async Task Of_many_who_enrol_the_same_person_at_once_one_wins()
    {
        await using var scene = await EscrowScene.Create();
        var ada = await scene.Person("ada");
        var escrow = scene.Escrow(ada);

        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => scene.Enrol(ada, escrow)));

        all.Count(r => r.Refusal is null).ShouldBe(1);
        all.Where(r => r.Refusal is not null).ShouldAllBe(r => r.Refusal!.Code == RefusalCode.AlreadyEnrolled);
        (await scene.Count("SELECT COUNT(*) FROM escrow_passwords")).ShouldBe(1);
    }

    [Fact]
    public async Task A_session_that_is_over_or_only_sets_a_password_decides_nothing()
    {
        await using var scene = await EscrowScene.Create();
        var ada = await scene.Person("ada");
        var enrol = scene.Get<EnrolInEscrow>();
        var restricted = ada.Caller with { Session = ada.Caller.Session with { RestrictedTo = SessionRestriction.Recovery } };
        (await enrol.Enrol(restricted, scene.Escrow(ada), CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.PolicyRefuses);
        (await enrol.Decline(restricted, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.PolicyRefuses);
        (await enrol.Enrol(ada.Caller, scene.Escrow(ada), CancellationToken.None)).Refusal.ShouldBeNull();

        scene.Engine.Time.Advance(TimeSpan.FromMinutes(20));
        (await enrol.Renew(ada.Caller, scene.Escrow(ada), CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.FreshSignInRequired);
        (await enrol.Withdraw(ada.Caller, CancellationToken.None))!.Code.ShouldBe(RefusalCode.FreshSignInRequired);
        await scene.Write(async act => await scene.Get<SessionStore>().EndAll(act, ada.Account));
        (await enrol.Withdraw(ada.Caller, CancellationToken.None))!.Code.ShouldBe(RefusalCode.SessionInvalid);
        (await scene.EnrolmentOf(ada)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Whoever_has_another_key_is_shown_as_stale_until_they_renew_their_escrow()
    {
        await using var scene = await EscrowScene.Create();
        var (ada, betty) = (await scene.Enrolled("ada"), await scene.Enrolled("betty"));
        var before = (await scene.EnrolmentOf(ada))!.PrivateKey;
        var carol = await EscrowScene.KeyOf("carol");
        var keys = scene.Get<PersonKeys>();
        (await keys.SetOwn(ada.Caller, EscrowScene.Given(betty.Key), CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.CredentialTaken);
        (await keys.SetOwn(ada.Caller, EscrowScene.Given(carol) with { Fingerprint = ada.Key.Public.Fingerprint }, CancellationToken.None))
            .Refusal!.Faults.ShouldHaveSingleItem().Rule.ShouldBe("fingerprint_differs");
        (await keys.SetOwn(ada.Caller, EscrowScene.Given(carol), CancellationToken.None)).Value.Account.ShouldBe(ada.Account);

        (await scene.EnrolmentOf(ada))!.IsStale.ShouldBeTrue();
        (await List(stale: true)).ShouldBe([ada.Account]);
        (await scene.Get<ReadEnrolments>().Coverage(scene.Manager, CancellationToken.None)).Value.ShouldBe(new EscrowCoverage(2, 2, 0, 0, 1));
        (await scene.Recover(ada, scene.Organisation)).ShouldBe(ada.Key.Public.Fingerprint);
        var renewed = ada with { Key = carol };
        var now = (await scene.Get<EnrolInEscrow>().Renew(ada.Caller, scene.Escrow(renewed), CancellationToken.None)).Value;

        now.IsStale.ShouldBeFalse();
        now.PrivateKey.ShouldNotBe(before);
        (await scene.Recover(renewed, scene.Organisation)).ShouldBe(carol.Public.Fingerprint);
        (await scene.Count("SELECT COUNT(*) FROM escrow_blobs")).ShouldBe(2);
        (await scene.Count("SELECT COUNT(*) FROM escrow_passwords")).ShouldBe(2);
        (await List(stale: true)).ShouldBeEmpty();

        // The former key stays known as theirs, and nobody else may take it.
        (await keys.SetOwn(betty.Caller, EscrowScene.Given(ada.Key), CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.CredentialTaken);
        (await keys.Find(scene.Manager, ada.Key.Public.Fingerprint, CancellationToken.None)).ShouldBeNull();
        (await keys.SetOwn(ada.Caller, EscrowScene.Given(ada.Key), CancellationToken.None)).Value.Fingerprint.ShouldBe(ada.Key.Public.Fingerprint);

        async Task<IReadOnlyList<AccountId>> List(bool stale) =>
            [.. (await scene.Get<ReadEnrolments>().List(scene.Manager, new EnrolmentFilter { StaleOnly = stale }, CancellationToken.None)).Value.Select(e => e.Account)];
    }

    [Fact]
    public async Task A_person_withdraws_and_an_operator_ends_it_as_if_nothing_was_said()
    {
        await using var scene = await EscrowScene.Create();
        var (ada, betty) = (await scene.Enrolled("ada"), await scene.Enrolled("betty"));
        (await scene.Get<EnrolInEscrow>().Withdraw(ada.Caller, CancellationToken.None)).ShouldBeNull();
        (await scene.EnrolmentOf(ada))!.Status.ShouldBe(EnrolmentStatus.Rejected);
        (await scene.Get<EnrolInEscrow>().Withdraw(ada.Caller, CancellationToken.None))!.Code.ShouldBe(RefusalCode.EnrolmentNotFound);

        var remove = scene.Get<EnrolInEscrow>();
        (await remove.Remove(EscrowScene.Operator("desk", "admin", Permission.AccountWrite), betty.Account, CancellationToken.None))!.Code.ShouldBe(RefusalCode.PermissionMissing);
        var herself = scene.Manager with { Grant = scene.Manager.Grant with { Principal = Principal.Of(betty.Account) } };
        (await remove.Remove(herself, betty.Account, CancellationToken.None))!.Code.ShouldBe(RefusalCode.OwnAccount);
        (await remove.Remove(scene.Manager, NewId.Make<AccountId>(), CancellationToken.None))!.Code.ShouldBe(RefusalCode.AccountNotFound);
        (await remove.Remove(scene.Manager, betty.Account, CancellationToken.None)).ShouldBeNull();
        (await scene.EnrolmentOf(betty)).ShouldBeNull();
        (await remove.Remove(scene.Manager, betty.Account, CancellationToken.None))!.Code.ShouldBe(RefusalCode.EnrolmentNotFound);
        (await scene.Count("SELECT COUNT(*) FROM escrow_blobs")).ShouldBe(0);
        (await scene.Count("SELECT COUNT(*) FROM credentials")).ShouldBe(0);
        (await scene.Ledgered(LedgerEvent.EscrowWithdrawn)).ShouldBe(2);
    }

    [Fact]
    public async Task Removing_the_credential_ends_the_escrow_behind_it_but_not_by_its_person()
    {
        await using var scene = await EscrowScene.Create();
        var ada = await scene.Enrolled("ada");
        var credential = (await scene.Get<ListCredentials>().Run(ada.Caller, CancellationToken.None)).ShouldHaveSingleItem();
        (await scene.Get<RevokeOwnCredential>().Run(ada.Caller, credential.Id, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.PolicyRefuses);
        await scene.Write(act => scene.Get<PolicyStore>().Add(
            act, 1, Policy.From(new PolicyDocument(["user", "operator", "admin"], null, [])).Value, Principal.LocalOperator));

        (await scene.Get<RevokeCredential>().Run(
            EscrowScene.Operator("desk", "admin", Permission.CredentialRevoke), ada.Account, credential.Id, CancellationToken.None)).Refusal.ShouldBeNull();

        (await scene.EnrolmentOf(ada)).ShouldBeNull();
        (await scene.Count("SELECT COUNT(*) FROM escrow_passwords")).ShouldBe(0);
    }

    [Fact]
    public async Task With_the_account_its_escrow_goes_in_reach_or_parked()
    {
        await using var scene = await EscrowScene.Create();
        var (ada, betty) = (await scene.Enrolled("ada"), await scene.Enrolled("betty"));
        var deletes = EscrowScene.Operator("desk", "admin", Permission.AccountWrite);
        (await scene.Get<DeleteAccount>().Run(deletes, ada.Account, CancellationToken.None)).ShouldBeNull();
        (await scene.Disable()).Refusal.ShouldBeNull();
        (await scene.Get<DeleteAccount>().Run(deletes, betty.Account, CancellationToken.None)).ShouldBeNull();

        foreach (var table in new[] { "escrow_enrolments", "escrow_blobs", "escrow_passwords", "openpgp_keys", "credentials" })
        {
            (await scene.Count($"SELECT COUNT(*) FROM {table}")).ShouldBe(0, table);
        }

        (await scene.Undo()).Refusal.ShouldBeNull();
        (await scene.Get<ReadEnrolments>().Coverage(scene.Manager, CancellationToken.None)).Value.ShouldBe(new EscrowCoverage(0, 0, 0, 0, 0));
    }

    [Fact]
    public async Task The_halves_are_sealed_apart_bound_to_their_rows_and_sealed_again_when_keys_rotate()
    {
        await using var scene = await EscrowScene.Create(enabled: false);
        var master = RandomNumberGenerator.GetBytes(32);
        scene.Engine.Keys.Replace(new Dictionary<int, byte[]> { [1] = master }, 1);
        (await scene.Enable()).Refusal.ShouldBeNull();
        var (ada, betty) = (await scene.Person("ada"), await scene.Enrolled("betty"));
        var escrow = scene.Escrow(ada);
        (await scene.Enrol(ada, escrow)).Refusal.ShouldBeNull();
        var stored = scene.Engine.StoredBytes();
        stored.ShouldNotContain(escrow.Blob!.Split('\n')[5].Trim());
        stored.ShouldNotContain(escrow.Passwords![0].Armored!.Split('\n')[5].Trim());

        // Neither half opens under the purpose of the other, or in the place of another's.
        var (blob, id) = await scene.Acts.Read(
            async db => (await db.Scalar<byte[]>("SELECT sealed FROM escrow_blobs WHERE account_id = @a", new { a = ada.Account.ToString() }), await db.Scalar<string>("SELECT id FROM escrow_blobs WHERE account_id = @a", new { a = ada.Account.ToString() })),
            CancellationToken.None);
        Encoding.UTF8.GetString(scene.Engine.Keys.Open(KeyPurpose.EscrowBlob, TenantId.Default, "escrow_blobs", id!, blob!)).ShouldBe(escrow.Blob);
        Should.Throw<SealBrokenException>(() => scene.Engine.Keys.Open(KeyPurpose.EscrowPassword, TenantId.Default, "escrow_blobs", id!, blob!));
        await scene.Write(act => act.Db.Execute(
            "UPDATE escrow_blobs SET sealed = (SELECT sealed FROM escrow_blobs WHERE account_id = @b) WHERE account_id = @a",
            new { a = ada.Account.ToString(), b = betty.Account.ToString() }));
        await Should.ThrowAsync<SealBrokenException>(() => scene.Recover(ada, scene.Organisation));
        await scene.Write(act => act.Db.Execute("UPDATE escrow_blobs SET sealed = @blob WHERE id = @id", new { blob, id }));

        scene.Engine.Keys.Replace(new Dictionary<int, byte[]> { [1] = master, [2] = new byte[32] }, 2);
        foreach (var rows in scene.Get<IEnumerable<ISealed>>())
        {
            SealedPlace? at = null;
            do
            {
                var after = at;
                at = await scene.Write(act => rows.SealAgain(act, after, 1));
            }
            while (at is not null);
        }

        (await scene.Get<KeysInUse>().Count(CancellationToken.None)).GetValueOrDefault(2).ShouldBeGreaterThanOrEqualTo(4);
        scene.Engine.Keys.Replace(new Dictionary<int, byte[]> { [2] = new byte[32] }, 2);
        (await scene.Recover(ada, scene.Organisation)).ShouldBe(ada.Key.Public.Fingerprint);
        (await scene.Recover(betty, scene.Organisation)).ShouldBe(betty.Key.Public.Fingerprint);
    }

    [Fact]
    public async Task Only_the_operator_of_the_machine_gives_others_a_key()
    {
        await using var scene = await EscrowScene.Create();
        var (ada, carol) = (await scene.Person("ada"), await EscrowScene.KeyOf("carol"));
        var keys = scene.Get<PersonKeys>();
        (await keys.Set(EscrowScene.Operator("desk", "admin", Permission.AccountWrite), ada.Account, EscrowScene.Given(carol), CancellationToken.None))
            .Refusal!.Code.ShouldBe(RefusalCode.PolicyRefuses);
        (await keys.Set(EscrowScene.Operator("desk", "admin", Permission.AccountRead), ada.Account, EscrowScene.Given(carol), CancellationToken.None))
            .Refusal!.Code.ShouldBe(RefusalCode.PermissionMissing);
        var local = scene.Manager with { Grant = new Grant(Principal.LocalOperator, PermissionSet.Of(Permission.AccountWrite), "admin", null) };
        (await keys.Set(local, NewId.Make<AccountId>(), EscrowScene.Given(carol), CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.AccountNotFound);

        (await keys.Set(local, ada.Account, EscrowScene.Given(carol), CancellationToken.None)).Value.Fingerprint.ShouldBe(carol.Public.Fingerprint);

        (await keys.List(scene.Manager, new PersonKeyFilter([ada.Account], scene.Acts.Now.AddDays(-1), 10), CancellationToken.None)).Count.ShouldBe(2);
        (await keys.List(scene.Manager, new PersonKeyFilter([], null, 10), CancellationToken.None)).Items.ShouldBeEmpty();
        (await keys.List(scene.Manager, new PersonKeyFilter(null, scene.Acts.Now, 10), CancellationToken.None)).Items.ShouldBeEmpty();
        (await keys.Find(scene.Manager, carol.Public.Fingerprint.ToLowerInvariant(), CancellationToken.None))!.Account.ShouldBe(ada.Account);
        (await keys.Find(scene.Manager with { Tenant = TenantId.Parse("other") }, carol.Public.Fingerprint, CancellationToken.None)).ShouldBeNull();
    }
}
