using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Access;

public sealed class BootstrapTests : IAsyncLifetime
{
    private readonly List<SecretText> _written = [];
    private AccessScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccessScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task The_first_start_makes_a_token_that_may_do_everything_for_a_day()
    {
        (await Run()).ShouldBeTrue();

        var caller = (await _scene.Authenticate(_written.Single().Reveal())).Value;
        caller.Grant.Permissions.ShouldBe(PermissionSet.All);
        caller.Grant.Ceiling.ShouldBe("admin");
        caller.Grant.ExpiresAt.ShouldBe(_scene.Acts.Now + TimeSpan.FromHours(24));
        caller.Principal.OwnerId.ShouldBe("local-operator");
    }

    [Fact]
    public async Task A_later_start_makes_none_even_when_the_first_token_is_over()
    {
        await Run();
        _scene.Time.Advance(TimeSpan.FromDays(2));
        await _scene.Restart();

        (await Run()).ShouldBeFalse();

        _written.Count.ShouldBe(1);
        (await _scene.Tokens()).ShouldBe(1);
    }

    [Fact]
    public async Task A_crash_between_file_and_commit_is_healed_by_the_next_start()
    {
        _scene.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<StorageUnavailableException>(Run);
        await _scene.Restart();

        (await Run()).ShouldBeTrue();

        (await _scene.Authenticate(_written[0].Reveal())).Refusal.ShouldNotBeNull().Code.ShouldBe(RefusalCode.Unauthenticated);
        (await _scene.Authenticate(_written[1].Reveal())).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A_commit_whose_answer_was_lost_leaves_the_token_that_was_written_down()
    {
        _scene.Faults.FailNext(Fault.Kept);
        await Should.ThrowAsync<StorageUnavailableException>(Run);
        await _scene.Restart();

        (await Run()).ShouldBeFalse();

        (await _scene.Authenticate(_written.Single().Reveal())).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A_token_that_cannot_be_written_down_is_not_made()
    {
        await Should.ThrowAsync<IOException>(() => _scene.Get<Bootstrap>().Run(_ => throw new IOException(), CancellationToken.None));

        (await _scene.Tokens()).ShouldBe(0);
    }

    [Fact]
    public async Task Two_processes_that_start_at_once_make_one_token()
    {
        await using var other = _scene.Start();
        var made = await Task.WhenAll(Run(), ((Bootstrap)other.GetService(typeof(Bootstrap))!).Run(Keep, CancellationToken.None));

        made.Count(m => m).ShouldBe(1);
        (await _scene.Tokens()).ShouldBe(1);
    }

    private Task<bool> Run() => _scene.Get<Bootstrap>().Run(Keep, CancellationToken.None);

    private void Keep(SecretText text)
    {
        lock (_written)
        {
            _written.Add(text);
        }
    }
}
