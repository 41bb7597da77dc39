using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Tests.Delivery;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Incidents;

/// <summary>Whom policy names to be told of the recoveries of others.</summary>
public sealed class WatcherTests(SmtpFixture fixture) : IClassFixture<SmtpFixture>, IAsyncLifetime
{
    private readonly SmtpServer _smtp = fixture.Server;
    private MailScene _scene = null!;

    public async ValueTask InitializeAsync()
    {
        await _smtp.Forget();
        _scene = await MailScene.Start(_smtp.Port);
    }

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Groups_and_addresses_are_told_at_every_step_and_get_no_say()
    {
        await Member("watcher@example.com", "security");
        await Member("near@example.com", "SECURITY", "securit_", "x-security-x");
        var person = await Member("person@example.com", "security");
        await SetPolicy(new NotifyDocument(["security"], ["desk@example.org"]));

        var opened = (await _scene.Get<OpenRecovery>().Run(
            _scene.Caller, new RecoveryOrder(new AccountName(person, null), Means.Link), null, CancellationToken.None)).Value.Fresh!.Recovery;
        (await _scene.Get<DecideOnRecovery>().Cancel(_scene.Caller, opened.Id, null, CancellationToken.None)).Refusal.ShouldBeNull();
        await _scene.Deliver();

        var mails = await _smtp.Received();
        foreach (var watcher in new[] { "watcher@example.com", "desk@example.org" })
        {
            var told = mails.Where(m => m.To[0] == watcher).ToList();
            told.Select(m => m.Subject.Split(": ", 2)[1]).ShouldBe(
                ["asked for", "allowed: its secret was issued", "cancelled"], ignoreOrder: true);
            told.ShouldAllBe(m => !m.Text.Contains("spn_") && !m.Text.Contains("spl_") && !m.Text.Contains("person@example.com"));
            told.ShouldAllBe(m => m.Text.Contains($"/operate/recoveries/{opened.Id}"));
        }

        mails.ShouldNotContain(m => m.To[0] == "near@example.com");
        mails.Where(m => m.To[0] == "person@example.com").ShouldAllBe(m => m.Text.Contains("#spn_"));
        mails.Count(m => m.To[0] == "person@example.com").ShouldBe(3);
    }

    [Fact]
    public async Task A_group_of_many_is_told_up_to_a_bound()
    {
        for (var i = 0; i < TellWatchers.Most + 5; i++)
        {
            await Member($"m{i}@example.com", "all");
        }

        await SetPolicy(new NotifyDocument(["all"]));
        var other = await _scene.Account("other@example.com");
        await _scene.Get<OpenRecovery>().Run(
            _scene.Caller, new RecoveryOrder(new AccountName(other, null), Means.Link) { NotBefore = _scene.Acts.Now + TimeSpan.FromHours(1) }, null,
            CancellationToken.None);
        (await _scene.Count("SELECT COUNT(*) FROM outbox WHERE kind = 'recovery_watch_notice'")).ShouldBe(TellWatchers.Most);
    }

    private async Task<AccountId> Member(string email, params string[] groups)
    {
        var id = await _scene.Account(email);
        await _scene.Write(async act =>
        {
            var account = (await _scene.Get<AccountStore>().Find(act.Db, act.Tenant, id))!;
            return await _scene.Get<AccountStore>().Update(act, account, account with { Version = account.Version + 1, Groups = [.. groups] });
        });
        return id;
    }

    private Task SetPolicy(NotifyDocument notify) => _scene.Write(async act =>
    {
        var policy = Policy.From(new PolicyDocument(
            ["user", "operator", "admin"], null, [new RuleDocument("all", null, new DemandDocument(Notify: notify))])).Value;
        await _scene.Get<PolicyStore>().Add(act, 1, policy, Principal.LocalOperator);
        return true;
    });
}
