using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow.Requests;

/// <summary>Who holds the organisation's key: nobody here, the caller, or the server.</summary>
public sealed class CompleteEscrowTests : IAsyncLifetime
{
    // The vendor's passphrase is the address in the public key, which is no secret: this one stands nowhere else.
    private const string Passphrase = "orchard-lantern-7c1f-quarry";

    private static readonly Lazy<Task<string>> Locked = new(async () =>
    {
        using var locked = (await VectorKeys.Secret("rsa_3072")).ExportProtected(Encoding.UTF8.GetBytes(Passphrase));
        return Encoding.ASCII.GetString(locked.Span);
    });

    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-escrow-").FullName;
    private FilesOf _files = null!;
    private RequestScene _scene = null!;

    // To open a key with a passphrase costs more than all the rest.
    private string _organisation = null!;

    public async ValueTask InitializeAsync()
    {
        _files = new FilesOf(_folder);
        _scene = await RequestScene.Create(new DemandDocument(Confirmation: true), s => s.AddSingleton<IEscrowKeySource>(_files));
        _organisation = Text(_scene.Escrow.Organisation);
    }

    public async ValueTask DisposeAsync()
    {
        await _scene.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task With_key_and_passphrase_of_the_call_the_person_has_their_key_and_nothing_of_them_is_stored()
    {
        var (request, token) = await _scene.Asked();
        var locked = await Locked.Value;
        var completed = (await Complete(request, locked, Passphrase)).Value;

        completed.State.ShouldBe(RecoveryState.Completed);
        var released = (await _scene.Fetch(request, token)).Value;
        using var plaintext = PgpMessages.Decrypt(released.Answer!.Data!, _scene.DeviceKey, [_scene.Escrow.Organisation.Public], _scene.Acts.Now).Value;
        plaintext.Signatures.ShouldHaveSingleItem().Fingerprint.ShouldBe(_scene.Escrow.Organisation.Public.Fingerprint);
        using var secret = EscrowSecret.Read(plaintext.Bytes).Value;
        var stored = _scene.Escrow.Engine.StoredBytes();
        Holds(Encoding.ASCII.GetString(secret.Secret)).ShouldBeFalse();
        Holds(Passphrase).ShouldBeFalse();
        Holds(token).ShouldBeFalse(); // Only its hash, and sealed.
        Holds(request.Id.ToString()).ShouldBeTrue();
        var open = _scene.Escrow.Organisation.Public.Armored;
        foreach (var line in locked.Split('\n').Select(l => l.Trim()).Where(l => l.Length >= 60 && !open.Contains(l, StringComparison.Ordinal)))
        {
            Holds(line).ShouldBeFalse();
        }

        bool Holds(string text) => stored.Contains(text, StringComparison.Ordinal);

        var actor = (await _scene.Facts(LedgerEvent.RecoveryCompleted)).ShouldHaveSingleItem();
        actor["request_key"]!.ToString().ShouldBe(request.Fingerprint);
    }

    [Fact]
    public async Task Nothing_is_decrypted_while_anything_is_open()
    {
        await _scene.Use(new DemandDocument(Confirmation: true, Approvals: 1));
        var (request, _) = await _scene.Asked();

        (await Complete(request, "no key")).Refusal!.Code.ShouldBe(RefusalCode.RequirementsOpen);
        (await _scene.Get<CompleteEscrow>().Task(_scene.Reviewer, request.Recovery, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.RequirementsOpen);
        (await _scene.Stored(request)).ShouldBeNull();
    }

    [Fact]
    public async Task Wrong_keys_and_escrows_that_are_not_the_persons_are_refused_by_rule()
    {
        var (request, _) = await _scene.Asked();

        (await Complete(request, await Locked.Value, "wrong")).Fault().ShouldBe(PgpFault.WrongPassphrase);
        (await Complete(request, "no key")).Fault().ShouldBe(PgpFault.Unparsable);
        (await Complete(request, Text(_scene.Escrow.Next))).Refusal!.Faults[0].ShouldSatisfyAllConditions(
            f => f.Pointer.ShouldBe("/key"), f => f.Rule.ShouldBe("not_the_active_key"));

        (await _scene.Get<RotateEscrow>().Start(_scene.Escrow.Manager, EscrowScene.Given(_scene.Escrow.Next), CancellationToken.None)).Refusal.ShouldBeNull();
        var organisation = _scene.Escrow.Organisation;
        var (ada, now) = (_scene.Ada, _scene.Acts.Now);
        foreach (var (domain, user, fingerprint, signer, fault) in new (string, Guid, string, PgpSecretKey?, PgpFault)[]
        {
            ("https://evil.example.org", ada.Account.Value, ada.Key.Public.Fingerprint, ada.Key, PgpFault.WrongDomain),
            (EscrowScene.Domain, Guid.Empty, ada.Key.Public.Fingerprint, ada.Key, PgpFault.WrongUser),
            (EscrowScene.Domain, ada.Account.Value, new string('A', 40), ada.Key, PgpFault.WrongFingerprint),
            (EscrowScene.Domain, ada.Account.Value, ada.Key.Public.Fingerprint, null, PgpFault.Unsigned),
            (EscrowScene.Domain, ada.Account.Value, ada.Key.Public.Fingerprint, _scene.DeviceKey, PgpFault.UnknownSigner),

            // The aim of a rotation that goes on: never in force, it signed nothing.
            (EscrowScene.Domain, ada.Account.Value, ada.Key.Public.Fingerprint, _scene.Escrow.Next, PgpFault.UnknownSigner),
        })
        {
            using var secret = EscrowSecret.New(domain, user, fingerprint, now);
            using var json = secret.Write();
            await Substitute(PgpMessages.Encrypt(json.Span, organisation.Public, now, signer is null ? [] : [signer]));
            (await Complete(request, _organisation)).Fault().ShouldBe(fault);
        }

        (await _scene.Recovery(request)).State.ShouldBe(RecoveryState.Ready);
        (await _scene.Stored(request)).ShouldBeNull();
    }

    [Fact]
    public async Task An_answer_that_was_made_elsewhere_is_taken_once_and_only_to_the_request_key()
    {
        var (request, token) = await _scene.Asked();
        var complete = _scene.Get<CompleteEscrow>();
        var task = (await complete.Task(_scene.Reviewer, request.Recovery, CancellationToken.None)).Value;
        task.Fingerprint.ShouldBe(request.Fingerprint);
        (await _scene.Facts(LedgerEvent.EscrowRequestRead)).Count.ShouldBe(1);

        var other = PgpMessages.Encrypt("{}"u8, _scene.OtherDeviceKey.Public, _scene.Acts.Now, _scene.Escrow.Organisation);
        (await complete.WithAnswer(_scene.Reviewer, request.Recovery, other, CancellationToken.None)).Fault().ShouldBe(PgpFault.WrongRecipient);
        var answer = await _scene.Answer(request);
        var taken = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => complete.WithAnswer(_scene.Reviewer, request.Recovery, answer, CancellationToken.None)));
        taken.Count(t => t.Refusal is null).ShouldBe(1);
        taken.Where(t => t.Refusal is not null).ShouldAllBe(t => t.Refusal!.Code == RefusalCode.RecoveryClosed);
        _scene.Open((await _scene.Fetch(request, token)).Value).ShouldBe(_scene.Ada.Key.Public.Fingerprint);
    }

    [Fact]
    public async Task A_server_that_holds_the_key_answers_by_itself_and_one_whose_file_is_open_does_not()
    {
        var (request, token) = await _scene.Asked();
        var worker = _scene.Get<AnswerReadyEscrows>();
        (await worker.RunOnce(CancellationToken.None)).ShouldBe(0); // No file: the key is not held.
        (await _scene.Get<CompleteEscrow>().Run(_scene.Reviewer, request.Recovery, default, CancellationToken.None)).Refusal!.Code
            .ShouldBe(RefusalCode.MeansNotAvailable);

        Write("key.asc", await Locked.Value, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Write("passphrase", Passphrase + "\n", UnixFileMode.UserRead);
        (await worker.RunOnce(CancellationToken.None)).ShouldBe(0);
        var refused = (await _scene.Facts(LedgerEvent.EscrowAnswerRefused)).ShouldHaveSingleItem();
        refused["rule"]!.ToString().ShouldBe("means_not_available");
        (await worker.RunOnce(CancellationToken.None)).ShouldBe(0);
        (await _scene.Facts(LedgerEvent.EscrowAnswerRefused)).Count.ShouldBe(1); // Said once.

        File.SetUnixFileMode(Path.Combine(_folder, "key.asc"), UnixFileMode.UserRead);
        (await worker.RunOnce(CancellationToken.None)).ShouldBe(0); // Not at once: it waits a while after a failure.
        _scene.Advance(TimeSpan.FromMinutes(1));
        (await worker.RunOnce(CancellationToken.None)).ShouldBe(1);
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Approved);
        (await _scene.Stored(request))!.By.ShouldBe(Principal.System);
        (await _scene.Fetch(request, token)).Value.Answer.ShouldNotBeNull();
    }

    [Fact]
    public async Task What_cannot_be_answered_keeps_nobody_else_waiting()
    {
        var (request, _) = await _scene.Asked();
        Write("key.asc", _organisation, UnixFileMode.UserRead);

        // Older requests, as many as are looked at together, of people who are not enrolled any more.
        await _scene.Escrow.Write(async act =>
        {
            for (var i = 0; i < 20; i++)
            {
                var row = new { from = request.Recovery.ToString(), id = NewId.Make<RecoveryId>().ToString(), nobody = NewId.Make<AccountId>().ToString() };
                await Copy(act, "recoveries", "id = @from", ("id", "@id"), row);
                await Copy(act, "escrow_requests", "recovery_id = @from", ("id", "@id"), row, ("recovery_id", "@id"), ("account_id", "@nobody"), ("created_at", "0"));
            }

            return true;
        });
        var worker = _scene.Get<AnswerReadyEscrows>();

        (await worker.RunOnce(CancellationToken.None)).ShouldBe(0);
        (await worker.RunOnce(CancellationToken.None)).ShouldBe(1);

        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Approved);
        (await _scene.Facts(LedgerEvent.EscrowAnswerRefused)).Count.ShouldBe(20);

        static async Task Copy(Engine.Act act, string table, string which, (string, string) one, object row, params (string Column, string Value)[] more)
        {
            var changed = more.Append(one).ToDictionary(c => c.Item1, c => c.Item2, StringComparer.Ordinal);
            var columns = await act.Db.List<string>(
                TestDatabase.IsPostgres
                    ? $"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'"
                    : $"SELECT name FROM pragma_table_info('{table}')");
            await act.Db.Execute(
                $"INSERT INTO {table} ({string.Join(", ", columns)}) SELECT {string.Join(", ", columns.Select(c => changed.GetValueOrDefault(c, c)))} FROM {table} WHERE {which}", row);
        }
    }

    [Fact]
    public async Task Nobody_completes_for_themselves_or_a_recovery_that_is_none()
    {
        var (request, _) = await _scene.Asked();
        var herself = _scene.Reviewer with { Grant = _scene.Reviewer.Grant with { Principal = Principal.Of(_scene.Ada.Account) } };
        (await Complete(request, _organisation, by: herself)).Refusal!.Code.ShouldBe(RefusalCode.OwnAccount);
        (await Complete(request with { Recovery = NewId.Make<RecoveryId>() }, "x")).Refusal!.Code.ShouldBe(RefusalCode.RecoveryNotFound);

        // Nor in another tenant, or above one's ceiling; and none of them reads what is needed for it.
        var elsewhere = _scene.Reviewer with { Tenant = TenantId.Parse("other") };
        var below = _scene.Reviewer with { Grant = _scene.Reviewer.Grant with { Ceiling = "guest" } };
        foreach (var (caller, code) in new[]
        {
            (herself, RefusalCode.OwnAccount), (elsewhere, RefusalCode.RecoveryNotFound), (below, RefusalCode.AboveCeiling),
        })
        {
            var complete = _scene.Get<CompleteEscrow>();
            (await Complete(request, _organisation, by: caller)).Refusal!.Code.ShouldBe(code);
            (await complete.WithAnswer(caller, request.Recovery, "x", CancellationToken.None)).Refusal!.Code.ShouldBe(code);
            (await complete.Task(caller, request.Recovery, CancellationToken.None)).Refusal!.Code.ShouldBe(code);
            (await complete.FaultOfRequestKey(caller, request.Recovery, request.Fingerprint, CancellationToken.None))!.Code.ShouldBe(code);
        }

        (await _scene.Facts(LedgerEvent.EscrowRequestRead)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Nothing_is_completed_before_the_device_has_made_its_key()
    {
        await _scene.Use(new DemandDocument());
        var opened = (await _scene.Get<OpenRecovery>().Run(
            _scene.Reviewer, new RecoveryOrder(new AccountName(_scene.Ada.Account, null), Means.Escrow), null, CancellationToken.None)).Value.Fresh!.Recovery;
        var complete = _scene.Get<CompleteEscrow>();
        var keys = new EscrowKeyMaterial(Encoding.UTF8.GetBytes(_organisation), default, default, default);
        (await complete.Run(_scene.Reviewer, opened.Id, keys, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.WrongState);
        (await complete.WithAnswer(_scene.Reviewer, opened.Id, "x", CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.WrongState);
        (await complete.Task(_scene.Reviewer, opened.Id, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.WrongState);
        (await complete.FaultOfRequestKey(_scene.Reviewer, opened.Id, new string('A', 40), CancellationToken.None))!.Code.ShouldBe(RefusalCode.WrongState);
    }

    [Fact]
    public async Task A_reviewers_key_signs_too_and_one_that_may_not_sign_is_refused_where_it_stands()
    {
        var (request, token) = await _scene.Asked();
        var expired = await PassboltVectors.Key("expired");
        var revoked = VectorKeys.Revoked(_scene.Escrow.Organisation, _scene.Acts.Now);
        At(await Complete(request, revoked)).ShouldBe(("/key", "revoked"));
        At(await Complete(request, _organisation, "", expired.Private, "expired@passbolt.com")).ShouldBe(("/reviewer_key", "expired"));
        At(await Complete(request, _organisation, "", (await PassboltVectors.Key("metadataKey")).Private, "wrong")).ShouldBe(("/reviewer_key", "wrong_passphrase"));
        At(await Complete(request, _organisation, "", "no key")).ShouldBe(("/reviewer_key", "unparsable"));
        (await _scene.Stored(request)).ShouldBeNull();

        (await Complete(request, _organisation, "", Text(_scene.ReviewerKey))).Refusal.ShouldBeNull();
        _scene.Open((await _scene.Fetch(request, token)).Value).ShouldBe(_scene.Ada.Key.Public.Fingerprint); // It counts two signatures.

        static (string, string?) At<T>(Result<T> result) => (result.Refusal!.Faults[0].Pointer, result.Refusal.Faults[0].Rule);
    }

    [Fact]
    public async Task Only_the_key_that_people_decided_on_is_answered_to()
    {
        var (request, _) = await _scene.Asked();
        var complete = _scene.Get<CompleteEscrow>();
        var task = (await complete.Task(_scene.Reviewer, request.Recovery, CancellationToken.None)).Value;
        var keys = new EscrowKeyMaterial(Encoding.UTF8.GetBytes(_organisation), default, default, default);
        task.Answer(keys, _scene.Acts.Now).Refusal.ShouldBeNull();
        foreach (var other in new[] { task with { RequestKey = _scene.OtherDeviceKey.Public.Armored }, task with { Fingerprint = new string('A', 40) } })
        {
            other.Answer(keys, _scene.Acts.Now).Refusal!.Code.ShouldBe(RefusalCode.DigestMismatch);
        }

        (await Fault(request.Fingerprint)).ShouldBeNull();
        (await Fault(string.Join(' ', request.Fingerprint.ToLowerInvariant().Chunk(4).Select(c => new string(c))))).ShouldBeNull();
        foreach (var other in new[] { "", request.Fingerprint[..39], _scene.OtherDeviceKey.Public.Fingerprint, new string(' ', 10_000) })
        {
            (await Fault(other))!.ShouldSatisfyAllConditions(
                r => r.Code.ShouldBe(RefusalCode.DigestMismatch), r => r.Faults.ShouldHaveSingleItem().Pointer.ShouldBe("/request_key"));
        }

        Task<Refusal?> Fault(string seen) => complete.FaultOfRequestKey(_scene.Reviewer, request.Recovery, seen, CancellationToken.None);
    }

    [Fact]
    public async Task An_answer_takes_the_place_of_one_that_was_held_back_where_it_completes_and_only_there()
    {
        await _scene.Use(new DemandDocument(Confirmation: true, Approvals: 1));
        var (request, _) = await _scene.Asked();
        var held = PgpMessages.Encrypt("whatever its reviewer wrote"u8, _scene.DeviceKey.Public, _scene.Acts.Now);
        await Hold(request);
        Write("key.asc", _organisation, UnixFileMode.UserRead);
        var stored = (await _scene.Acts.Read(
            db => _scene.Get<EscrowRequestStore>().Find(db, TenantId.Default, request.Id), CancellationToken.None))!;

        (await _scene.Get<CompleteEscrow>().ByItself(TenantId.Default, stored, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.RequirementsOpen);
        var kept = (await _scene.Stored(request))!;
        (kept.By, kept.Answer.IsHeld, _scene.Get<EscrowAnswerStore>().Open(TenantId.Default, kept).Data).ShouldBe((_scene.Second.Principal, true, held));

        await _scene.Use(new DemandDocument(Confirmation: true));
        var (ready, token) = await _scene.Asked();
        await Hold(ready);
        (await Complete(ready, _organisation, "", Text(_scene.ReviewerKey))).Refusal.ShouldBeNull();
        (await _scene.Stored(ready))!.By.ShouldBe(_scene.Reviewer.Principal);
        _scene.Open((await _scene.Fetch(ready, token)).Value).ShouldBe(_scene.Ada.Key.Public.Fingerprint);

        Task Hold(EscrowRequest asked) => _scene.Escrow.Write(
            act => _scene.Get<EscrowAnswerStore>().Put(act, asked.Id, _scene.Second.Principal, NewId.Make<EntryId>().Value, held, held: true));
    }

    [Fact]
    public async Task A_fault_with_one_request_is_remembered_and_tried_again_more_and_more_rarely()
    {
        var (request, _) = await _scene.Asked();
        var worker = _scene.Get<AnswerReadyEscrows>();
        Write("key.asc", VectorKeys.Revoked(_scene.Escrow.Organisation, _scene.Acts.Now), UnixFileMode.UserRead);
        (await worker.RunOnce(CancellationToken.None)).ShouldBe(0);
        _files.Broken = true;
        foreach (var (seconds, reads) in new[] { (1, 1), (5, 2), (9, 2), (1, 3), (19, 3), (1, 4) })
        {
            _scene.Advance(TimeSpan.FromSeconds(seconds));
            (await worker.RunOnce(CancellationToken.None)).ShouldBe(0);
            _files.Reads.ShouldBe(reads);
        }

        (await _scene.Facts(LedgerEvent.EscrowAnswerRefused)).Select(f => f["rule"]!.ToString()).ShouldBe(["revoked", "failed"]);
        _files.Broken = false;
        Write("key.asc", _organisation, UnixFileMode.UserRead);
        _scene.Advance(TimeSpan.FromMinutes(1));
        (await worker.RunOnce(CancellationToken.None)).ShouldBe(1);
        (await _scene.Now(request)).Status.ShouldBe(EscrowRequestStatus.Approved);
    }

    [Fact]
    public async Task Of_two_processes_one_answers_and_the_other_finds_nothing_wrong()
    {
        await _scene.Asked();
        Write("key.asc", _organisation, UnixFileMode.UserRead);
        using AnswerReadyEscrows one = Worker(), other = Worker();
        (await Task.WhenAll(new[] { one, other }.Select(w => Task.Run(() => w.RunOnce(CancellationToken.None))))).Sum().ShouldBe(1);
        (await _scene.Facts(LedgerEvent.RecoveryCompleted)).Count.ShouldBe(1);
        (await _scene.Facts(LedgerEvent.EscrowAnswerRefused)).ShouldBeEmpty();

        AnswerReadyEscrows Worker() => new(
            _scene.Acts, _scene.Get<EscrowRequestStore>(), _scene.Get<CompleteEscrow>(), _scene.Get<IEnumerable<IEscrowKeySource>>(),
            _scene.Get<EscrowKeyOptions>(), _scene.Get<TimeProvider>(), NullLogger<AnswerReadyEscrows>.Instance);
    }

    private Task<Result<Recovery>> Complete(
        EscrowRequest request, string key, string passphrase = "", string reviewer = "", string reviewerPassphrase = "", Engine.Access.Caller? by = null) =>
        _scene.Get<CompleteEscrow>().Run(
            by ?? _scene.Reviewer, request.Recovery,
            new EscrowKeyMaterial(
                Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(passphrase), Encoding.UTF8.GetBytes(reviewer), Encoding.UTF8.GetBytes(reviewerPassphrase)),
            CancellationToken.None);

    private static string Text(PgpSecretKey key)
    {
        using var armored = key.ExportUnprotected();
        return Encoding.ASCII.GetString(armored.Span);
    }

    // What somebody with the database and its keys could do: put another message in the place of the wrapped secret.
    private Task<bool> Substitute(string message) => _scene.Escrow.Write(async act =>
    {
        var old = (await _scene.Get<EscrowStore>().FindPassword(act.Db, act.Tenant, _scene.Ada.Account))!;
        await _scene.Get<EscrowStore>().DeletePasswordsTo(act, old.Key);
        return await _scene.Get<EscrowStore>().AddPassword(act, old.PrivateKey, old.Key, old.RecipientFingerprint, message, Principal.System);
    });

    private void Write(string name, string text, UnixFileMode mode)
    {
        File.Delete(Path.Combine(_folder, name));
        File.WriteAllText(Path.Combine(_folder, name), text);
        File.SetUnixFileMode(Path.Combine(_folder, name), mode);
    }

    private sealed class FilesOf(string folder) : IEscrowKeySource
    {
        public EscrowOrigin Origin => EscrowOrigin.Local;

        public bool Broken { get; set; }

        public int Reads { get; private set; }

        public bool IsHeld(TenantId tenant) => File.Exists(Path.Combine(folder, "key.asc"));

        public Task<Result<HeldEscrowKeys>> Read(TenantId tenant, CancellationToken cancellationToken)
        {
            Reads++;
            var passphrase = Path.Combine(folder, "passphrase");
            return Broken
                ? throw new InvalidOperationException("What nobody thought of.")
                : Task.FromResult(new EscrowKeyFiles(Path.Combine(folder, "key.asc"), File.Exists(passphrase) ? passphrase : null).Read());
        }
    }
}
