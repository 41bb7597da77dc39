using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Access;

public sealed class AuthenticationTests : IAsyncLifetime
{
    private AccessScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccessScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Admits_who_holds_a_token_with_what_the_token_grants()
    {
        var person = await _scene.AddPerson();
        var permissions = PermissionSet.Of(Permission.RecoveryRequest, Permission.RecoveryIssue);
        var minted = await _scene.Mint("portal", person, permissions, "operator", TimeSpan.FromDays(30), perMinute: 77);

        var caller = (await _scene.Authenticate(minted.Secret.Reveal())).Value;

        caller.Tenant.ShouldBe(TenantId.Default);
        caller.Token.ShouldBe(minted.Token.Id);
        caller.PerMinute.ShouldBe(77);
        caller.Principal.ShouldBe(
            new Principal(PrincipalKind.ServiceAccount, minted.Token.ServiceAccount.ToString(), person.ToString()));
        caller.Grant.ShouldBe(
            new Grant(caller.Principal, permissions, "operator", _scene.Acts.Now + TimeSpan.FromDays(30)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("spk_")]
    [InlineData("Bearer")]
    [InlineData("spk_default_00000000000000000000000000000000_")]
    [InlineData("ключ")]
    public async Task Refuses_what_is_no_token(string presented) => await Refuses(presented);

    [Fact]
    public async Task Refuses_a_text_of_a_million_characters() => await Refuses(new string('a', 1_000_000));

    [Fact]
    public async Task Refuses_every_secret_that_differs_in_one_character()
    {
        var minted = await _scene.Mint();
        TokenText.TryParse(minted.Secret.Reveal(), TokenPrefix.Access, out var text).ShouldBeTrue();
        var secret = text.Secret.Reveal();

        for (var i = 0; i < secret.Length; i++)
        {
            // The last of 43 characters holds four bits of the 256: E is one of the sixteen that it can be, B is not.
            var other = secret[i] == 'A' ? 'E' : 'A';
            var changed = secret[..i] + other + secret[(i + 1)..];

            // With a checksum that fits, so that only the hash is left to refuse it.
            await Refuses(TokenText.Format(TokenPrefix.Access, TenantId.Default, minted.Token.Id.Value, changed).Reveal());
        }
    }

    [Fact]
    public async Task Refuses_a_changed_cut_or_lengthened_text()
    {
        var minted = (await _scene.Mint()).Secret.Reveal();
        for (var i = 0; i < minted.Length; i++)
        {
            await Refuses(minted[..i] + (minted[i] == 'x' ? 'y' : 'x') + minted[(i + 1)..]);
            await Refuses(minted[..i]);
        }

        await Refuses(minted + "A");
        await Refuses(" " + minted);
        await Refuses(minted.ToUpperInvariant());
    }

    [Fact]
    public async Task Refuses_one_tokens_secret_under_another_tokens_id()
    {
        var (one, other) = (await _scene.Mint(), await _scene.Mint());
        TokenText.TryParse(one.Secret.Reveal(), TokenPrefix.Access, out var text).ShouldBeTrue();

        await Refuses(TokenText.Format(TokenPrefix.Access, TenantId.Default, other.Token.Id.Value, text.Secret.Reveal()).Reveal());
        await Refuses(TokenText.Format(TokenPrefix.Access, TenantId.Default, Guid.Empty, text.Secret.Reveal()).Reveal());
    }

    [Fact]
    public async Task Refuses_a_token_of_another_kind_with_the_same_secret()
    {
        var minted = await _scene.Mint();
        TokenText.TryParse(minted.Secret.Reveal(), TokenPrefix.Access, out var text).ShouldBeTrue();

        await Refuses(TokenText.Format(TokenPrefix.Session, TenantId.Default, minted.Token.Id.Value, text.Secret.Reveal()).Reveal());
    }

    [Fact]
    public async Task Refuses_a_neighbours_token()
    {
        var minted = await _scene.Mint(tenant: AccessScene.Neighbour);
        TokenText.TryParse(minted.Secret.Reveal(), TokenPrefix.Access, out var text).ShouldBeTrue();

        await Refuses(minted.Secret.Reveal());
        await Refuses(TokenText.Format(TokenPrefix.Access, TenantId.Default, minted.Token.Id.Value, text.Secret.Reveal()).Reveal());
        (await _scene.Authenticate(minted.Secret.Reveal(), AccessScene.Neighbour)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Refuses_a_row_that_was_copied_to_a_neighbour()
    {
        var minted = await _scene.Mint();
        await _scene.Mint(tenant: AccessScene.Neighbour);
        await _scene.Write(act => act.Db.Execute(
            """
            UPDATE access_tokens SET (id, mac) = (SELECT id, mac FROM access_tokens WHERE tenant_id = 'default')
            WHERE tenant_id = 'neighbour'
            """));
        TokenText.TryParse(minted.Secret.Reveal(), TokenPrefix.Access, out var text).ShouldBeTrue();
        var moved = TokenText.Format(TokenPrefix.Access, AccessScene.Neighbour, minted.Token.Id.Value, text.Secret.Reveal());

        (await _scene.Authenticate(moved.Reveal(), AccessScene.Neighbour)).Refusal.ShouldNotBeNull().Code.ShouldBe(RefusalCode.Unauthenticated);
    }

    [Fact]
    public async Task Ends_a_token_at_its_expiry_to_the_millisecond()
    {
        var minted = await _scene.Mint(expiresIn: TimeSpan.FromHours(1));

        _scene.Time.Advance(TimeSpan.FromHours(1) - TimeSpan.FromMilliseconds(1));
        (await _scene.Authenticate(minted.Secret.Reveal())).Refusal.ShouldBeNull();
        _scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        await Refuses(minted.Secret.Reveal());
    }

    [Fact]
    public async Task Ends_a_revoked_token_at_once_in_every_process()
    {
        var minted = await _scene.Mint();
        await using var other = _scene.Start();
        await _scene.CallerOf(minted);
        (await AuthenticateIn(other, minted)).Refusal.ShouldBeNull();

        (await _scene.Get<ManageTokens>().Revoke(AccessScene.Operator(), minted.Token.Id, CancellationToken.None)).ShouldBeNull();

        await Refuses(minted.Secret.Reveal());
        (await AuthenticateIn(other, minted)).Refusal.ShouldNotBeNull().Code.ShouldBe(RefusalCode.Unauthenticated);
    }

    [Fact]
    public async Task Ends_every_token_of_a_deleted_service_account()
    {
        var (one, other) = (await _scene.Mint(), await _scene.Mint());
        var stranger = await _scene.Mint("stays");
        one.Token.ServiceAccount.ShouldBe(other.Token.ServiceAccount);

        (await _scene.Get<ManageServiceAccounts>().Delete(AccessScene.Operator(), one.Token.ServiceAccount, CancellationToken.None))
            .ShouldBeNull();

        await Refuses(one.Secret.Reveal());
        await Refuses(other.Secret.Reveal());
        (await _scene.Authenticate(stranger.Secret.Reveal())).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Ends_a_programme_with_its_owner()
    {
        var person = await _scene.AddPerson();
        var minted = await _scene.Mint(owner: person);
        await _scene.CallerOf(minted);

        await _scene.SetStatus(person, AccountStatus.Disabled);
        await Refuses(minted.Secret.Reveal());

        await _scene.SetStatus(person, AccountStatus.Active);
        (await _scene.Authenticate(minted.Secret.Reveal())).Refusal.ShouldBeNull();

        await _scene.DeletePerson(person);
        await Refuses(minted.Secret.Reveal());
    }

    [Fact]
    public async Task Renews_the_hash_under_the_active_key_when_a_token_is_used()
    {
        var (used, unused) = (await _scene.Mint(), await _scene.Mint());
        _scene.ActivateKey(2);
        await _scene.CallerOf(used);
        await _scene.Get<Authentication>().WriteUses(CancellationToken.None);

        _scene.RetireKey(1);

        (await _scene.Authenticate(used.Secret.Reveal())).Refusal.ShouldBeNull();
        await Refuses(unused.Secret.Reveal());
    }

    [Fact]
    public async Task Renews_the_hash_even_when_the_token_was_used_a_moment_before_the_rotation()
    {
        var minted = await _scene.Mint();
        await _scene.CallerOf(minted);
        await _scene.Get<Authentication>().WriteUses(CancellationToken.None);
        _scene.ActivateKey(2);
        await _scene.CallerOf(minted);
        await _scene.Get<Authentication>().WriteUses(CancellationToken.None);

        _scene.RetireKey(1);

        (await _scene.Authenticate(minted.Secret.Reveal())).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Writes_nothing_in_the_callers_path_and_notes_a_use_once_a_minute()
    {
        var minted = await _scene.Mint();
        var authentication = _scene.Get<Authentication>();
        var before = _scene.Faults.Commits;

        await _scene.CallerOf(minted);
        _scene.Faults.Commits.ShouldBe(before);
        var first = _scene.Acts.Now;
        await authentication.WriteUses(CancellationToken.None);
        (await LastUsed(minted)).ShouldBe(first);

        _scene.Time.Advance(TimeSpan.FromSeconds(59));
        await _scene.CallerOf(minted);
        await authentication.WriteUses(CancellationToken.None);
        (await LastUsed(minted)).ShouldBe(first);

        _scene.Time.Advance(TimeSpan.FromSeconds(1));
        await _scene.CallerOf(minted);
        await authentication.WriteUses(CancellationToken.None);
        (await LastUsed(minted)).ShouldBe(first + TimeSpan.FromMinutes(1));
        _scene.Faults.Commits.ShouldBe(before + 2);
    }

    [Fact]
    public async Task Keeps_uses_that_storage_did_not_take()
    {
        var minted = await _scene.Mint();
        await _scene.CallerOf(minted);
        _scene.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<StorageUnavailableException>(
            () => _scene.Get<Authentication>().WriteUses(CancellationToken.None));

        await _scene.Get<Authentication>().WriteUses(CancellationToken.None);

        (await LastUsed(minted)).ShouldBe(_scene.Acts.Now);
    }

    [Fact]
    public async Task Notes_no_use_of_a_token_that_was_refused()
    {
        var minted = await _scene.Mint(expiresIn: TimeSpan.FromMinutes(1));
        _scene.Time.Advance(TimeSpan.FromMinutes(1));
        await Refuses(minted.Secret.Reveal());

        await _scene.Get<Authentication>().WriteUses(CancellationToken.None);

        (await LastUsed(minted)).ShouldBeNull();
    }

    [Fact]
    public async Task The_local_operator_may_do_everything_and_has_no_end()
    {
        var caller = (await _scene.Get<Authentication>().LocalOperator(AccessScene.From(), CancellationToken.None)).Value;

        caller.Grant.ShouldBe(new Grant(Principal.LocalOperator, PermissionSet.All, "admin", ExpiresAt: null));
        caller.Token.ShouldBeNull();
    }

    [Fact]
    public async Task Stores_nothing_that_shows_a_token()
    {
        var minted = await _scene.Mint();
        await _scene.CallerOf(minted);
        TokenText.TryParse(minted.Secret.Reveal(), TokenPrefix.Access, out var text).ShouldBeTrue();

        _scene.StoredBytes().ShouldNotContain(text.Secret.Reveal());
        $"{minted} {minted.Secret} {text}".ShouldNotContain(text.Secret.Reveal());
    }

    private static Task<Result<Caller>> AuthenticateIn(IServiceProvider process, MintedToken minted) =>
        ((Authentication)process.GetService(typeof(Authentication))!).Authenticate(AccessScene.From(), minted.Secret, CancellationToken.None);

    // Whatever is wrong, the answer is the same one.
    private async Task Refuses(string presented) =>
        (await _scene.Authenticate(presented)).Refusal.ShouldBe(new Refusal(RefusalCode.Unauthenticated));

    private async Task<DateTimeOffset?> LastUsed(MintedToken minted) =>
        (await _scene.Get<ManageTokens>().Read(AccessScene.Operator(), minted.Token.Id, CancellationToken.None)).Value.LastUsedAt;
}
