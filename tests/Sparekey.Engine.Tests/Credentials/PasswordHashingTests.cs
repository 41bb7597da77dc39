using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Sparekey.Engine.Credentials.Passwords;

namespace Sparekey.Engine.Tests.Credentials;

[Trait("runs", "once")]
public sealed class PasswordHashingTests
{
    private const string Password = "a long and winding password";

    [Fact]
    public async Task A25_a_hash_is_PBKDF2_with_HMAC_SHA_512_and_at_least_210_000_iterations()
    {
        using var hashing = new PasswordHashing();

        var hash = Convert.FromBase64String((await hashing.Hash(Password, CancellationToken.None))!);

        hash[0].ShouldBe((byte)1);
        BinaryPrimitives.ReadUInt32BigEndian(hash.AsSpan(1)).ShouldBe(2u);
        BinaryPrimitives.ReadUInt32BigEndian(hash.AsSpan(5)).ShouldBeGreaterThanOrEqualTo(210_000u);
        BinaryPrimitives.ReadUInt32BigEndian(hash.AsSpan(9)).ShouldBe(16u);
        hash.Length.ShouldBe(13 + 16 + 32);
    }

    [Fact]
    public async Task Tells_the_password_from_another_and_from_none()
    {
        using var hashing = new PasswordHashing(1000, processors: 1, waiting: 0);
        var hash = await hashing.Hash(Password, CancellationToken.None);

        (await hashing.Verify(hash, Password, CancellationToken.None)).ShouldBe(PasswordVerdict.Match);
        (await hashing.Verify(hash, Password + " ", CancellationToken.None)).ShouldBe(PasswordVerdict.Mismatch);
        (await hashing.Verify(null, Password, CancellationToken.None)).ShouldBe(PasswordVerdict.Mismatch);
        (await hashing.Hash(Password, CancellationToken.None)).ShouldNotBe(hash);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not base64!")]
    [InlineData("AQ==")]
    [InlineData("AQAAAAIAAw==")]
    public async Task What_is_no_hash_matches_nothing(string stored)
    {
        using var hashing = new PasswordHashing(1000, processors: 1, waiting: 0);

        (await hashing.Verify(stored, Password, CancellationToken.None)).ShouldBe(PasswordVerdict.Mismatch);
    }

    [Fact]
    public async Task A_cheaper_hash_takes_as_long_and_is_to_be_made_again()
    {
        using var cheap = new PasswordHashing(1, processors: 1, waiting: 0);
        using var hashing = new PasswordHashing(500_000, processors: 1, waiting: 0);
        var hash = await cheap.Hash(Password, CancellationToken.None);
        await hashing.Verify(null, Password, CancellationToken.None);

        var none = await Time(() => hashing.Verify(null, Password, CancellationToken.None));
        var weak = await Time(() => hashing.Verify(hash, "another password", CancellationToken.None));

        // Without the padding it takes a hundred-thousandth.
        weak.ShouldBeGreaterThan(none / 4);
        (await hashing.Verify(hash, Password, CancellationToken.None)).ShouldBe(PasswordVerdict.MatchRehash);
    }

    [Fact]
    public async Task Whoever_has_no_password_is_told_so_as_late_as_whoever_gives_a_wrong_one()
    {
        using var hashing = new PasswordHashing(500_000, processors: 1, waiting: 0);
        var hash = await hashing.Hash(Password, CancellationToken.None);

        var wrong = await Time(() => hashing.Verify(hash, "another password", CancellationToken.None));
        var none = await Time(() => hashing.Verify(null, "another password", CancellationToken.None));

        none.ShouldBeGreaterThan(wrong / 4);
    }

    [Fact]
    public async Task Sends_away_whoever_comes_when_too_many_wait()
    {
        using var hashing = new PasswordHashing(200_000, processors: 1, waiting: 2);

        var hashes = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => hashing.Hash(Password, CancellationToken.None)));

        hashes.Count(h => h is not null).ShouldBeInRange(3, 19);
        (await hashing.Hash(Password, CancellationToken.None)).ShouldNotBeNull("those who left made room");
    }

    [Fact]
    public async Task Whoever_gives_up_leaves_their_place()
    {
        using var hashing = new PasswordHashing(200_000, processors: 1, waiting: 1);
        using var impatient = new CancellationTokenSource();
        var first = hashing.Hash(Password, CancellationToken.None);
        var second = hashing.Hash(Password, impatient.Token);
        await impatient.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => second);

        var third = hashing.Hash(Password, CancellationToken.None);
        (await first).ShouldNotBeNull();
        (await third).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_hash_is_made_on_a_thread_of_its_own_so_that_a_flood_holds_none_that_answers_others()
    {
        using var hashing = new PasswordHashing();

        (await hashing.Hash(Password, CancellationToken.None)).ShouldNotBeNull();

        // The system keeps 15 characters of a thread's name, and counts its time in hundredths of a second.
        Directory.EnumerateDirectories("/proc/self/task").Select(ThreadOf).ShouldContain(t => t.Name == "password hashin" && t.Time > 0);
    }

    private static (string Name, long Time) ThreadOf(string folder)
    {
        try
        {
            var stat = File.ReadAllText(Path.Combine(folder, "stat"));
            var end = stat.LastIndexOf(')');
            return (stat[(stat.IndexOf('(', StringComparison.Ordinal) + 1)..end], long.Parse(stat[(end + 2)..].Split(' ')[11], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return ("it ended meanwhile", 0);
        }
    }

    private static async Task<TimeSpan> Time(Func<Task> work)
    {
        var watch = Stopwatch.StartNew();
        await work();
        return watch.Elapsed;
    }
}
