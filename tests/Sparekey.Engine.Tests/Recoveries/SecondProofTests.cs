using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.RecoveryCodes;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Tests.Sessions;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Recoveries;

/// <summary>What a person proves themselves with beside the recovery's own means, and everything that proves nothing.</summary>
public sealed class SecondProofTests
{
    private static readonly DemandDocument Always = new(SecondProof: "always");

    [Theory]
    [InlineData("saved_code")]
    [InlineData("password")]
    [InlineData("passkey")]
    [InlineData("session")]
    public async Task N12_A_recovery_is_issued_once_its_person_proved_themselves_in_a_second_way(string way)
    {
        await using var scene = await ProofScene.Create(Always);
        var opened = await scene.Opened();
        (await scene.Issue(opened.Id)).Refusal!.Code.ShouldBe(RefusalCode.RequirementsOpen);
        RecoveryAssurance.Of(opened).ShouldBe(AssuranceLevel.Aal1);

        var proved = way switch
        {
            "saved_code" => await scene.ProveByCode(opened.Id, scene.Codes[0]),
            "password" => await scene.ProveByPassword(opened.Id),
            "passkey" => await scene.Prove(opened.Id, new PresentedProof.Passkey(await scene.Assert(opened.Id))),
            _ => await scene.Get<ProveRecovery>().Run(
                scene.Scene.CallerOf((await scene.Scene.SignedIn("jane")).Session), opened.Id, CancellationToken.None),
        };

        proved.Refusal.ShouldBeNull();
        RecoveryAssurance.Of(proved.Value).ShouldBe(AssuranceLevel.Aal2);
        var met = (await scene.Find(opened.Id)).Requirements.Single(r => r.Kind == RequirementKind.SecondProof).Met.Single();
        (met.By, met.How).ShouldBe((Principal.Of(scene.Jane), way switch { "saved_code" => "saved_code", "passkey" => "bound_authenticator", _ => "password" }));
        var link = (await scene.Issue(opened.Id)).Value.Fresh!.Secret!.Text.Reveal();
        var done = await scene.SetPassword((await scene.RedeemLink(link)).Value);
        done.Value.Recovery.State.ShouldBe(RecoveryState.Completed);

        // N4: a code that was used is replaced, however it was used.
        (done.Value.RecoveryCode is not null).ShouldBe(way == "saved_code");
        (await scene.Scene.Ledgered(LedgerEvent.RecoveryCodeSpent)).ShouldBe(way == "saved_code" ? 1 : 0);
    }

    [Fact]
    public async Task N12_A11_A_saved_code_that_proved_one_recovery_proves_no_other_and_opens_none()
    {
        await using var scene = await ProofScene.Create(Always);
        var (one, two) = (await scene.Opened(), await scene.Opened());
        (await scene.ProveByCode(one.Id, scene.Codes[0])).Refusal.ShouldBeNull();
        (await scene.ProveByCode(two.Id, scene.Codes[0])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.ProveByCode(one.Id, scene.Codes[0])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);

        // It is no secret of what it proved, issued or not.
        (await scene.RedeemCode(scene.Codes[0])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.Issue(one.Id)).Refusal.ShouldBeNull();
        (await scene.RedeemCode(scene.Codes[0])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.Find(one.Id)).State.ShouldBe(RecoveryState.Issued);

        // And one that opened a recovery proves nothing beside it, nor does another of the same list.
        var waits = (await scene.RedeemCode(scene.Codes[1])).Refusal.ShouldNotBeNull();
        waits.Code.ShouldBe(RefusalCode.RequirementsOpen);
        var bySaved = waits.Recovery.ShouldNotBeNull();
        foreach (var code in scene.Codes.Skip(1).Take(2))
        {
            (await scene.ProveByCode(bySaved, code)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
            (await scene.ProveByCode(two.Id, scene.Codes[1])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        }

        (await scene.ProveByPassword(bySaved)).Refusal.ShouldBeNull();
        (await scene.RedeemCode(scene.Codes[1])).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A16_A_passkeys_signature_proves_the_recovery_that_it_was_asked_for_once_and_nothing_else()
    {
        await using var scene = await ProofScene.Create(Always);
        var (one, two) = (await scene.Opened(), await scene.Opened());
        var forOne = await scene.Assert(one.Id);
        (await scene.Prove(two.Id, new PresentedProof.Passkey(forOne))).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.Get<SignInWithPasskey>().Run(SessionScene.From(), forOne, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.SignInFailed);

        var signIn = (await scene.Get<SignInWithPasskey>().Begin(SessionScene.From(), CancellationToken.None)).Value;
        var (client, data, signature) = scene.Authenticator.Assert(System.Buffers.Text.Base64Url.DecodeFromChars(signIn.Challenge), "https://recover.example.com");
        var toSignIn = forOne with
        {
            ClientData = System.Buffers.Text.Base64Url.EncodeToString(client), AuthenticatorData = System.Buffers.Text.Base64Url.EncodeToString(data),
            Signature = System.Buffers.Text.Base64Url.EncodeToString(signature),
        };
        (await scene.Prove(one.Id, new PresentedProof.Passkey(toSignIn))).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);

        // Broken, of another's passkey, and too late.
        (await scene.Prove(one.Id, new PresentedProof.Passkey(forOne with { Signature = "AAAA" }))).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.Prove(one.Id, new PresentedProof.Passkey(forOne with { ClientData = "{" }))).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        using var adas = new SoftwareAuthenticator("recover.example.com");
        await scene.AddPasskey(scene.Scene.Ada, adas);
        scene.Scene.Time.Advance(TimeSpan.FromMinutes(1));
        var later = await scene.Opened();
        (await scene.Prove(later.Id, new PresentedProof.Passkey(await scene.Assert(later.Id, adas)))).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        var late = await scene.Assert(later.Id);
        scene.Scene.Time.Advance(TimeSpan.FromMinutes(11));
        (await scene.Prove(later.Id, new PresentedProof.Passkey(late))).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);

        var good = await scene.Assert(later.Id);
        (await scene.Prove(later.Id, new PresentedProof.Passkey(good))).Refusal.ShouldBeNull();
        (await scene.Prove(later.Id, new PresentedProof.Passkey(good))).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
    }

    [Fact]
    public async Task What_is_bound_while_a_recovery_waits_proves_nothing_for_it()
    {
        await using var scene = await ProofScene.Create(Always);
        var opened = await scene.Opened();
        scene.Scene.Time.Advance(TimeSpan.FromMinutes(1));
        using var fresh = new SoftwareAuthenticator("recover.example.com");
        await scene.AddPasskey(scene.Jane, fresh);
        (await scene.Prove(opened.Id, new PresentedProof.Passkey(await scene.Assert(opened.Id, fresh)))).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        var codes = await scene.MakeCodes("jane");
        (await scene.ProveByCode(opened.Id, codes[0].Reveal())).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        await scene.Scene.SetPassword(scene.Jane, "a password of this minute");
        (await scene.ProveByPassword(opened.Id, "a password of this minute")).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.Get<ProveRecovery>().Run(
            scene.Scene.CallerOf((await scene.Scene.SignedIn("jane", "a password of this minute")).Session), opened.Id, CancellationToken.None))
            .Refusal!.Code.ShouldBe(RefusalCode.FreshSignInRequired);

        // For one that is opened later they do; a password that somebody else chose never does.
        scene.Scene.Time.Advance(TimeSpan.FromMinutes(20));
        await scene.Scene.SetPassword(scene.Jane, "chosen by the help desk", provisional: true);
        scene.Scene.Time.Advance(TimeSpan.FromMinutes(1));
        var next = await scene.Opened();
        (await scene.ProveByPassword(next.Id, "chosen by the help desk")).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.ProveByCode(next.Id, codes[0].Reveal())).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A20_A_session_proves_its_own_person_and_only_while_it_is_fresh()
    {
        await using var scene = await ProofScene.Create(Always);
        var opened = await scene.Opened();
        var prove = scene.Get<ProveRecovery>();
        var jane = scene.Scene.CallerOf((await scene.Scene.SignedIn("jane")).Session);
        var ada = scene.Scene.CallerOf((await scene.Scene.SignedIn()).Session);
        (await prove.Run(ada, opened.Id, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.RecoveryNotFound);
        (await prove.Run(jane, NewId.Make<RecoveryId>(), CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.RecoveryNotFound);

        // Delegated, of a recovery, of no credential, over, ended.
        foreach (var session in new[]
        {
            jane.Session with { RestrictedTo = SessionRestriction.Delegated }, jane.Session with { RestrictedTo = SessionRestriction.Recovery },
            jane.Session with { Credential = null },
        })
        {
            (await prove.Run(scene.Scene.CallerOf(session), opened.Id, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.FreshSignInRequired);
        }

        scene.Scene.Time.Advance(Session.PrivilegedTime);
        (await prove.Run(jane, opened.Id, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.FreshSignInRequired);
        jane = scene.Scene.CallerOf((await scene.Scene.SignedIn("jane")).Session);
        (await prove.Run(jane, opened.Id, CancellationToken.None)).Refusal.ShouldBeNull();
        (await prove.Run(jane, opened.Id, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.NotRequired);
    }

    [Fact]
    public async Task A10_Whatever_is_wrong_with_a_proof_looks_alike_and_uses_up_no_good_code()
    {
        await using var scene = await ProofScene.Create(new DemandDocument(Approvals: 1, SecondProof: "always"));
        var (waits, denied, cancelled) = (await scene.Opened(), await scene.Opened(), await scene.Opened());
        var approver = ProofScene.CallerOf("approver", "somebody", Permission.RecoveryApprove);
        (await scene.Get<DecideOnRecovery>().Deny(approver, denied.Id, denied.Digest, CancellationToken.None)).Refusal.ShouldBeNull();
        (await scene.Get<DecideOnRecovery>().Cancel(scene.Desk, cancelled.Id, null, CancellationToken.None)).Refusal.ShouldBeNull();
        foreach (var (id, proof) in new (RecoveryId, PresentedProof)[]
        {
            (NewId.Make<RecoveryId>(), new PresentedProof.SavedCode(new SecretText(scene.Codes[0]))),
            (NewId.Make<RecoveryId>(), new PresentedProof.Password(new SecretText(SessionScene.Password))),
            (denied.Id, new PresentedProof.SavedCode(new SecretText(scene.Codes[0]))),
            (denied.Id, new PresentedProof.Password(new SecretText(SessionScene.Password))),
            (cancelled.Id, new PresentedProof.SavedCode(new SecretText(scene.Codes[0]))),
            (waits.Id, new PresentedProof.SavedCode(new SecretText(scene.Codes[0][..^1] + (scene.Codes[0][^1] == 'Z' ? 'Y' : 'Z')))),
            (waits.Id, new PresentedProof.SavedCode(new SecretText(""))),
            (waits.Id, new PresentedProof.SavedCode(new SecretText(new string('A', 100_000)))),
            (waits.Id, new PresentedProof.Password(new SecretText("another password of somebody"))),
            (waits.Id, new PresentedProof.Password(new SecretText(new string('x', 100_000)))),
        })
        {
            (await scene.Prove(id, proof, $"192.0.2.{id.Value.ToByteArray()[3]}")).Refusal.ShouldBe(RefusalCode.SecretInvalid);
        }

        (await scene.Find(waits.Id)).Requirements.Single(r => r.Kind == RequirementKind.SecondProof).Met.ShouldBeEmpty();
        (await scene.ProveByCode(waits.Id, scene.Codes[0], "203.0.113.1")).Refusal.ShouldBeNull();

        // Approved and proved, in whichever order.
        (await scene.Issue(waits.Id)).Refusal!.Code.ShouldBe(RefusalCode.RequirementsOpen);
        (await scene.Get<DecideOnRecovery>().Approve(approver, waits.Id, waits.Digest, CancellationToken.None)).Refusal.ShouldBeNull();
        (await scene.Issue(waits.Id)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A17_Proofs_are_slowed_by_account_and_source_however_many_recoveries_are_opened()
    {
        await using var scene = await ProofScene.Create(Always);
        for (var i = 0; i < Throttle.TriesPerWindow; i++)
        {
            (await scene.ProveByPassword((await scene.Opened()).Id, "a guess of somebody")).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        }

        var opened = await scene.Opened();
        (await scene.ProveByPassword(opened.Id)).Refusal!.Code.ShouldBe(RefusalCode.TooManyRequests);
        (await scene.ProveByCode(opened.Id, scene.Codes[0])).Refusal!.RetryAfter.ShouldNotBeNull();
        (await scene.ProveByCode(opened.Id, scene.Codes[0], "198.51.100.9")).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A_mailed_link_goes_ahead_of_the_proof_opens_nothing_before_it_and_is_sent_when_time_alone_was_missing()
    {
        await using var scene = await ProofScene.Create(new DemandDocument(SecondProof: "always", Wait: "24h"));
        var opened = await scene.Opened(channel: Channel.Email);
        (await scene.Sent()).ShouldBeEmpty();
        scene.Scene.Time.Advance(TimeSpan.FromHours(24));
        await scene.Get<SweepRecoveries>().Run(TenantId.Default, CancellationToken.None);
        await scene.Get<SweepRecoveries>().Run(TenantId.Default, CancellationToken.None);
        var (kind, to, link, code) = (await scene.Sent()).ShouldHaveSingleItem();
        (kind, to).ShouldBe(("recovery_link", "jane@example.com"));

        foreach (var early in new[] { await scene.RedeemLink(link), await scene.RedeemCode(code!) })
        {
            (early.Refusal!.Code, early.Refusal.Recovery).ShouldBe((RefusalCode.RequirementsOpen, opened.Id));
        }

        (await scene.RedeemLink(Other(link))).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.RedeemCode("ABCDE-12345")).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.Find(opened.Id)).Secret!.HandleTries.ShouldBe(1);
        (await scene.ProveByCode(opened.Id, scene.Codes[0])).Value.State.ShouldBe(RecoveryState.Issued);
        (await scene.Sent()).Count.ShouldBe(1);
        (await scene.SetPassword((await scene.RedeemLink(link)).Value)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A_person_who_asks_for_themselves_is_mailed_ahead_and_a_wrong_link_is_used_up_as_ever()
    {
        await using var scene = await ProofScene.Create(Always);
        (await scene.Get<RequestRecovery>().Run(SessionScene.From(), "jane", CancellationToken.None)).ShouldBeNull();
        var (_, _, link, _) = (await scene.Sent()).ShouldHaveSingleItem();
        var id = (await scene.RedeemLink(link)).Refusal!.Recovery.ShouldNotBeNull();
        (await scene.Get<ProveRecovery>().Awaits(TenantId.Default, id, CancellationToken.None)).ShouldBeTrue();
        for (var i = 0; i < RecoveryLimits.TriesByHandle; i++)
        {
            (await scene.RedeemLink(Other(link))).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        }

        (await scene.Find(id)).State.ShouldBe(RecoveryState.Locked);
        (await scene.RedeemLink(link)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.Get<ProveRecovery>().Awaits(TenantId.Default, id, CancellationToken.None)).ShouldBeFalse();
        (await scene.ProveByCode(id, scene.Codes[0])).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.Get<ReadRecoveryCodes>().Run(scene.Scene.CallerOf((await scene.Scene.SignedIn("jane")).Session), CancellationToken.None)).Left.ShouldBe(12);
    }

    [Fact]
    public async Task A18_Others_ask_a_person_five_times_an_hour_and_strangers_only_once_until_they_answer()
    {
        await using var scene = await ProofScene.Create(new DemandDocument(Confirmation: true));
        for (var i = 0; i < RecoveryLimits.AsksOfPerson; i++)
        {
            (await scene.Get<RequestRecovery>().Run(SessionScene.From($"192.0.2.{i}"), "jane", CancellationToken.None)).ShouldBeNull();
            (await scene.Open()).Refusal.ShouldBeNull();
            scene.Scene.Time.Advance(TimeSpan.FromMinutes(6));
        }

        // One that a stranger asked for, and five that others did; another desk makes no difference.
        (await scene.Scene.Count("SELECT COUNT(*) FROM recoveries WHERE requested_by = 'anonymous'")).ShouldBe(1);
        (await scene.Open()).Refusal!.Code.ShouldBe(RefusalCode.TooManyRequests);
        var another = ProofScene.CallerOf("another", "else", Permission.RecoveryRequest, Permission.RecoveryIssue);
        var refused = (await scene.Get<CollectRecovery>().Run(
            another, new RecoveryOrder(new AccountName(scene.Jane, null), Means.Token), new Dictionary<string, string>(StringComparer.Ordinal),
            CancellationToken.None)).Refusal.ShouldNotBeNull();
        (refused.Code, refused.RetryAfter).ShouldBe((RefusalCode.TooManyRequests, TimeSpan.FromMinutes(30)));
        (await scene.Scene.Count("SELECT COUNT(*) FROM recoveries")).ShouldBe(6);
        scene.Scene.Time.Advance(TimeSpan.FromMinutes(30));
        (await scene.Open()).Refusal.ShouldBeNull();
        (await scene.Open()).Refusal!.Code.ShouldBe(RefusalCode.TooManyRequests);
    }

    // Another secret of the same row: as whoever knows the handle alone would try.
    private static string Other(string link)
    {
        var at = link.IndexOf('#', StringComparison.Ordinal) + 1;
        TokenText.TryParse(link[at..], TokenPrefix.Link, out var token).ShouldBeTrue();
        var secret = token.Secret.Reveal();
        return link[..at] + TokenText.Format(TokenPrefix.Link, token.Tenant, token.Id, (secret[0] == 'A' ? 'B' : 'A') + secret[1..]).Reveal();
    }
}
