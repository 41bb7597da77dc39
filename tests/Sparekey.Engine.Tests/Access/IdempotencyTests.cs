using System.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Access;

public sealed class IdempotencyTests : IAsyncLifetime
{
    private static readonly TokenOrder Order = new(null, "portal", PermissionSet.Of(Permission.RecoveryRequest));

    private AccessScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccessScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task A_thousand_equal_calls_at_once_happen_once()
    {
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 1000).Select(_ => Task.Run(() => _scene.Order(AccessScene.Operator(), Order, Key()))));

        answers.ShouldAllBe(a => a.Refusal == null);
        var fresh = answers.Single(a => a.Value.Fresh is not null).Value.Fresh!;
        answers.Count(a => a.Value.Replay == new StoredAnswer(201, Redacted(fresh).Body)).ShouldBe(999);
        (await _scene.Tokens()).ShouldBe(1);
        (await _scene.Ledger(LedgerEvent.TokenCreated)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_replay_shows_no_secret_and_none_is_stored()
    {
        var fresh = (await _scene.Order(AccessScene.Operator(), Order, Key())).Value.Fresh!;

        var replay = (await _scene.Order(AccessScene.Operator(), Order, Key())).Value.Replay.ShouldNotBeNull();

        var secret = fresh.Secret.Reveal()[^49..^6];
        replay.Body.ShouldNotContain(secret);
        _scene.StoredBytes().ShouldNotContain(secret);
    }

    [Fact]
    public async Task A_key_that_comes_with_another_payload_is_refused_and_changes_nothing()
    {
        await _scene.Order(AccessScene.Operator(), Order, Key());

        (await _scene.Order(AccessScene.Operator(), Order, Key(payload: "another"))).Refusal.ShouldNotBeNull().Code
            .ShouldBe(RefusalCode.IdempotencyKeyReused);
        (await _scene.Order(AccessScene.Operator(), Order, Key(payload: ""))).Refusal.ShouldNotBeNull().Code.ShouldBe(RefusalCode.IdempotencyKeyReused);

        (await _scene.Tokens()).ShouldBe(1);
        (await _scene.Order(AccessScene.Operator(), Order, Key())).Value.Replay.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_key_is_its_callers_own_per_tenant_principal_and_route()
    {
        await _scene.Order(AccessScene.Operator(), Order, Key());
        var other = await _scene.NewCaller("other");

        (await _scene.Order(other, Order with { Name = "mine" }, Key())).Value.Fresh.ShouldNotBeNull();
        (await _scene.Order(AccessScene.Operator(AccessScene.Neighbour), Order, Key())).Value.Fresh.ShouldNotBeNull();
        (await _scene.Order(AccessScene.Operator(), Order, Key(route: "POST /v1/others"))).Value.Fresh.ShouldNotBeNull();
        (await _scene.Order(AccessScene.Operator(), Order, Key("another key"))).Value.Fresh.ShouldNotBeNull();
        (await _scene.Order(AccessScene.Operator(), Order, Key())).Value.Replay.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_refusal_is_not_kept_so_that_the_next_try_may_do_better()
    {
        var stronger = Order with { Ceiling = "superuser" };
        (await _scene.Order(AccessScene.Operator(), stronger, Key())).Refusal.ShouldNotBeNull().Code.ShouldBe(RefusalCode.UnknownRole);

        (await _scene.Order(AccessScene.Operator(), Order, Key(payload: "corrected"))).Value.Fresh.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_record_is_kept_for_a_day()
    {
        await _scene.Order(AccessScene.Operator(), Order, Key());

        _scene.Time.Advance(TimeSpan.FromHours(24) - TimeSpan.FromMilliseconds(1));
        (await _scene.Order(AccessScene.Operator(), Order, Key())).Value.Replay.ShouldNotBeNull();
        _scene.Time.Advance(TimeSpan.FromMilliseconds(1));
        (await _scene.Order(AccessScene.Operator(), Order, Key(payload: "another"))).Value.Fresh.ShouldNotBeNull();
        (await _scene.Tokens()).ShouldBe(2);
        (await _scene.Order(AccessScene.Operator(), Order, Key(payload: "another"))).Value.Replay.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_call_whose_commit_was_lost_happens_with_the_next_try()
    {
        _scene.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<StorageUnavailableException>(() => _scene.Order(AccessScene.Operator(), Order, Key()));

        (await _scene.Order(AccessScene.Operator(), Order, Key())).Value.Fresh.ShouldNotBeNull();
        (await _scene.Tokens()).ShouldBe(1);
    }

    [Fact]
    public async Task A_call_whose_answer_was_lost_does_not_happen_again()
    {
        _scene.Faults.FailNext(Fault.Kept);
        await Should.ThrowAsync<StorageUnavailableException>(() => _scene.Order(AccessScene.Operator(), Order, Key()));

        (await _scene.Order(AccessScene.Operator(), Order, Key())).Value.Replay.ShouldNotBeNull();
        (await _scene.Tokens()).ShouldBe(1);
    }

    [Fact]
    public async Task A_call_that_throws_leaves_no_record()
    {
        var key = Key() with { Redacted = _ => throw new InvalidOperationException("on purpose") };
        await Should.ThrowAsync<InvalidOperationException>(() => _scene.Order(AccessScene.Operator(), Order, key));

        (await _scene.Tokens()).ShouldBe(0);
        (await _scene.Order(AccessScene.Operator(), Order, Key())).Value.Fresh.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_replay_survives_the_rotation_of_keys()
    {
        await _scene.Order(AccessScene.Operator(), Order, Key());
        _scene.ActivateKey(2);

        (await _scene.Order(AccessScene.Operator(), Order, Key())).Value.Replay.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_record_that_appears_while_the_call_runs_undoes_the_call()
    {
        // What two processes over one database can do to each other, which one SQLite writer never does.
        var run = _scene.Write(act => _scene.Get<Idempotency>().Run(
            act, AccessScene.Operator(), new OnceKey<string>("key", "route", [1], _ => new StoredAnswer(200, "{}")),
            async () =>
            {
                await _scene.Get<Idempotency>().Run(
                    act, AccessScene.Operator(), new OnceKey<string>("key", "route", [2], _ => new StoredAnswer(200, "{}")),
                    () => Task.FromResult<Result<string>>("first"));
                return "second";
            }));

        await Should.ThrowAsync<StorageUnavailableException>(() => run);
        (await _scene.Count("SELECT COUNT(*) FROM idempotency")).ShouldBe(0);
    }

    [Fact]
    public async Task A_call_without_a_key_happens_every_time()
    {
        await _scene.Order(AccessScene.Operator(), Order);
        await _scene.Order(AccessScene.Operator(), Order);

        (await _scene.Tokens()).ShouldBe(2);
        (await _scene.Count("SELECT COUNT(*) FROM idempotency")).ShouldBe(0);
    }

    private static OnceKey<MintedToken> Key(string key = "8e03978e", string payload = "body", string route = "POST /v1/tokens") =>
        new(key, route, Encoding.UTF8.GetBytes(payload), Redacted);

    private static StoredAnswer Redacted(MintedToken minted) => new(201, $$"""{"id":"{{minted.Token.Id}}","secret_withheld":true}""");
}
