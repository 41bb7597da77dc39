using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Storage;

/// <summary>What every engine must do. Each engine runs all of it, unchanged.</summary>
public abstract class DatabaseContract : IAsyncLifetime
{
    private static readonly CancellationToken None = CancellationToken.None;

    /// <summary>A fresh database with the program's schema.</summary>
    protected Database Database { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Database = await Open();
        await Database.Write(
            db => db.Execute("CREATE TABLE things (tenant_id TEXT NOT NULL, id TEXT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (tenant_id, id))"),
            None);
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Close();
        GC.SuppressFinalize(this);
    }

    protected abstract Task<Database> Open();

    protected abstract ValueTask Close();

    [Fact]
    public async Task What_an_act_wrote_is_visible_after_it_returned()
    {
        (await Database.Write(db => Insert(db, "a"), None)).ShouldBe(1);
        (await Count()).ShouldBe(1);
    }

    [Fact]
    public async Task An_act_sees_its_own_writes() => (await Database.Write(
        async db =>
        {
            await Insert(db, "a", 7);
            return await db.Scalar<long>("SELECT n FROM things WHERE tenant_id = 't' AND id = 'a'");
        },
        None)).ShouldBe(7);

    [Fact]
    public async Task An_act_that_throws_leaves_nothing_of_all_it_wrote()
    {
        var thrown = await Should.ThrowAsync<InvalidTimeZoneException>(() => Database.Write(
            async db =>
            {
                await Insert(db, "a");
                await Insert(db, "b");
                return Throw(new InvalidTimeZoneException("mine"));
            },
            None));
        thrown.Message.ShouldBe("mine");
        (await Count()).ShouldBe(0);
    }

    [Fact]
    public async Task An_act_that_throws_before_its_first_await_is_undone_too()
    {
        await Should.ThrowAsync<InvalidTimeZoneException>(
            () => Database.Write(_ => Task.FromResult(Throw(new InvalidTimeZoneException())), None));
        (await Count()).ShouldBe(0);
    }

    [Fact]
    public async Task A_refusal_is_a_result_and_commits()
    {
        var result = await Database.Write<Core.Result<int>>(
            async db =>
            {
                await Insert(db, "counted-try");
                return Core.RefusalCode.SecretInvalid;
            },
            None);
        result.Refusal!.Code.ShouldBe(Core.RefusalCode.SecretInvalid);
        (await Count()).ShouldBe(1);
    }

    [Fact]
    public async Task In_a_crowd_each_act_that_throws_undoes_itself_alone()
    {
        var acts = Enumerable.Range(0, 200).Select(i => Database.Write(
            async db =>
            {
                await Insert(db, $"{i}");
                return i % 3 == 0 ? Throw(new InvalidTimeZoneException()) : true;
            },
            None)).ToList();
        for (var i = 0; i < acts.Count; i++)
        {
            if (i % 3 == 0)
            {
                await Should.ThrowAsync<InvalidTimeZoneException>(acts[i]);
            }
            else
            {
                (await acts[i]).ShouldBeTrue();
            }
        }

        var ids = await Database.Read(db => db.List<string>("SELECT id FROM things"), None);
        ids.Select(int.Parse).Order().ShouldBe(Enumerable.Range(0, 200).Where(i => i % 3 != 0));
    }

    [Fact]
    public async Task An_act_that_goes_on_after_a_failed_statement_leaves_nothing()
    {
        await Database.Write(db => Insert(db, "a"), None);
        await Should.ThrowAsync<InvalidOperationException>(() => Database.Write(
            async db =>
            {
                await Insert(db, "b");
                try
                {
                    return await Insert(db, "a") == 0;
                }
                catch (Exception e) when (db.Dialect.IsUniqueViolation(e))
                {
                    return true;
                }
            },
            None));
        (await Count()).ShouldBe(1);
    }

    [Fact]
    public async Task What_is_posted_is_there_for_the_next_statement_and_after_the_commit()
    {
        (await Database.Write(
            async db =>
            {
                await Post(db, "a");
                await Post(db, "b");
                var seen = await db.Scalar<long>("SELECT COUNT(*) FROM things");
                await Post(db, "c");
                return seen;
            },
            None)).ShouldBe(2);
        (await Count()).ShouldBe(3);
    }

    [Fact]
    public async Task An_act_whose_last_posted_statement_fails_leaves_nothing()
    {
        var taken = await Should.ThrowAsync<Exception>(
            () => Database.Write(
                async db =>
                {
                    await Insert(db, "a");
                    await Post(db, "b");
                    await Post(db, "a");
                    return true;
                },
                None));
        Database.Dialect.IsUniqueViolation(taken).ShouldBeTrue();
        (await Count()).ShouldBe(0);
        await Database.Write(db => Insert(db, "a"), None);
        (await Count()).ShouldBe(1);
    }

    [Fact]
    public async Task What_reads_by_one_statement_runs_no_other_and_writes_nothing()
    {
        (await Database.ReadOne(db => db.Scalar<long>("SELECT COUNT(*) FROM things"), None)).ShouldBe(0);
        await Should.ThrowAsync<InvalidOperationException>(
            () => Database.ReadOne(
                async db => await db.Scalar<long>("SELECT COUNT(*) FROM things") + await db.Scalar<long>("SELECT COUNT(*) FROM things"), None));
        await Should.ThrowAsync<InvalidOperationException>(() => Database.ReadOne(db => Insert(db, "a"), None));
        (await Count()).ShouldBe(0);
    }

    [Fact]
    public async Task Only_a_taken_key_is_a_unique_violation()
    {
        await Database.Write(db => Insert(db, "a"), None);
        var taken = await Should.ThrowAsync<Exception>(() => Database.Write(db => Insert(db, "a"), None));
        var missing = await Should.ThrowAsync<Exception>(
            () => Database.Write(db => db.Execute("INSERT INTO things (tenant_id, id, n) VALUES ('t', 'x', NULL)"), None));
        var foreign = await Should.ThrowAsync<Exception>(
            () => Database.Write(
                db => db.Execute("INSERT INTO policies (tenant_id, version, document, created_at, created_by) VALUES ('nobody', 1, '{}', 0, 'x')"), None));
        Database.Dialect.IsUniqueViolation(taken).ShouldBeTrue();
        Database.Dialect.IsUniqueViolation(missing).ShouldBeFalse();
        Database.Dialect.IsUniqueViolation(foreign).ShouldBeFalse();
        Database.Dialect.IsUniqueViolation(new InvalidOperationException()).ShouldBeFalse();
    }

    [Fact]
    public async Task Reads_of_one_call_see_one_state()
    {
        await Database.Write(db => Insert(db, "a", 1), None);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var read = Database.Read(
            async db =>
            {
                var before = await db.Scalar<long>("SELECT n FROM things WHERE id = 'a'");
                begun.SetResult();
                await changed.Task;
                return (before, after: await db.Scalar<long>("SELECT n FROM things WHERE id = 'a'"));
            },
            None);
        await begun.Task;
        await Database.Write(db => db.Execute("UPDATE things SET n = 2 WHERE id = 'a'"), None);
        changed.SetResult();

        (await read).ShouldBe((1, 1));
        (await Database.Read(db => db.Scalar<long>("SELECT n FROM things WHERE id = 'a'"), None)).ShouldBe(2);
    }

    [Fact]
    public async Task A_read_cannot_write()
    {
        await Should.ThrowAsync<Exception>(() => Database.Read(db => Insert(db, "a"), None));
        (await Count()).ShouldBe(0);
        (await Database.Write(db => Insert(db, "a"), None)).ShouldBe(1);
    }

    [Fact]
    public async Task A_read_that_throws_leaves_its_connection_fit_for_the_next()
    {
        for (var i = 0; i < 40; i++)
        {
            await Should.ThrowAsync<Exception>(() => Database.Read(db => db.Scalar<int>("SELECT nonsense FROM nowhere"), None));
        }

        await Database.Write(db => Insert(db, "a"), None);
        var counts = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => Count()));
        counts.ShouldAllBe(c => c == 1);
    }

    [Fact]
    public async Task Sixty_four_writers_at_once_all_land()
    {
        await Database.Write(db => Insert(db, "counter", 0), None);
        await Task.WhenAll(Enumerable.Range(0, 64).Select(w => Task.Run(async () =>
        {
            for (var i = 0; i < 10; i++)
            {
                await Database.Write(
                    async db =>
                    {
                        var n = await db.Scalar<long>("SELECT n FROM things WHERE id = 'counter'");
                        await db.Execute("UPDATE things SET n = @n WHERE id = 'counter'", new { n = n + 1 });
                        return await Insert(db, $"{w}-{i}");
                    },
                    None);
            }
        })));

        (await Count()).ShouldBe(641);
        (await Database.Read(db => db.Scalar<long>("SELECT n FROM things WHERE id = 'counter'"), None)).ShouldBe(640);
    }

    [Fact]
    public async Task A_caller_who_gave_up_before_the_turn_changes_nothing()
    {
        using var gaveUp = new CancellationTokenSource();
        await gaveUp.CancelAsync();
        var ran = false;
        await Should.ThrowAsync<OperationCanceledException>(() => Database.Write(
            db =>
            {
                ran = true;
                return Insert(db, "a");
            },
            gaveUp.Token));
        (await Count()).ShouldBe(0);
        ran.ShouldBeFalse();
    }

    [Fact]
    public async Task An_act_that_began_runs_to_its_end_although_its_caller_gave_up()
    {
        using var source = new CancellationTokenSource();
        await Database.Write(
            async db =>
            {
                await source.CancelAsync();
                return await Insert(db, "a");
            },
            source.Token);
        (await Count()).ShouldBe(1);
    }

    [Fact]
    public async Task Values_come_back_as_they_went_in()
    {
        await Database.Write(db => db.Execute("INSERT INTO installation (name, value) VALUES (@name, @value)", new { name = "k", value = "’; DROP TABLE things; --é" }), None);
        (await Database.Read(db => db.Find<string>("SELECT value FROM installation WHERE name = @name", new { name = "k" }), None))
            .ShouldBe("’; DROP TABLE things; --é");
        (await Database.Read(db => db.Find<string>("SELECT value FROM installation WHERE name = 'none'"), None)).ShouldBeNull();
    }

    [Fact]
    public async Task Lists_of_every_length_find_their_rows()
    {
        await Database.Write(
            async db =>
            {
                for (var i = 0; i < 9; i++)
                {
                    await Insert(db, $"{i}", i);
                }

                return true;
            },
            None);
        for (var length = 0; length < 9; length++)
        {
            var ids = Enumerable.Range(0, length).Select(i => $"{i}").ToArray();
            var parameters = new Dictionary<string, object?> { ["tenant"] = "t" };
            var list = NamedList.Of(parameters, ids);
            var found = await Database.Read(
                db => db.List<string>($"SELECT id FROM things WHERE tenant_id = @tenant AND id IN {list} ORDER BY n", parameters), None);
            found.ShouldBe(ids);
        }
    }

    [Fact]
    public async Task A_value_that_is_missing_is_an_error_and_never_the_former_calls_value()
    {
        const string Sql = "SELECT count(*) FROM things WHERE tenant_id = @tenant AND id = @id";
        await Database.Write(db => Insert(db, "a"), None);
        (await Database.Write(db => db.Scalar<long>(Sql, new { tenant = "t", id = "a" }), None)).ShouldBe(1);
        await Should.ThrowAsync<Exception>(() => Database.Write(db => db.Scalar<long>(Sql, new { tenant = "t" }), None));
        (await Database.Write(db => db.Scalar<long>(Sql, new { tenant = "t", id = "b" }), None)).ShouldBe(0);
    }

    [Fact]
    public async Task Nothing_of_one_callers_context_reaches_another()
    {
        var local = new AsyncLocal<string?>();
        var seen = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(() =>
        {
            local.Value = i % 2 == 0 ? $"{i}" : null;
            return Database.Write(
                db =>
                {
                    var mine = local.Value;
                    local.Value = "left behind";
                    return Task.FromResult(mine);
                },
                None);
        })));
        seen.ShouldBe(Enumerable.Range(0, 100).Select(i => i % 2 == 0 ? $"{i}" : null));
        local.Value.ShouldBeNull();
    }

    [Fact]
    public async Task A_lost_commit_left_nothing_although_the_act_ran()
    {
        var faulty = new FaultyDatabase(Database);
        faulty.FailNext(Fault.Lost);
        var ran = 0;
        await Should.ThrowAsync<StorageUnavailableException>(() => faulty.Write(
            db =>
            {
                ran++;
                return Insert(db, "a");
            },
            None));
        ran.ShouldBe(1);
        (await Count()).ShouldBe(0);
        (await faulty.Write(db => Insert(db, "a"), None)).ShouldBe(1);
    }

    [Fact]
    public async Task A_kept_commit_stands_although_its_caller_was_told_otherwise()
    {
        var faulty = new FaultyDatabase(Database);
        faulty.FailNth(2, Fault.Kept);
        (await faulty.Write(db => Insert(db, "a"), None)).ShouldBe(1);
        await Should.ThrowAsync<StorageUnavailableException>(() => faulty.Write(db => Insert(db, "b"), None));
        (await faulty.Write(db => Insert(db, "c"), None)).ShouldBe(1);
        (await Count()).ShouldBe(3);
        faulty.Commits.ShouldBe(3);
    }

    [Fact]
    public async Task Randomly_failing_commits_leave_exactly_what_stands()
    {
        var faulty = new FaultyDatabase(Database);
        faulty.FailRandomly(oneIn: 3, seed: 7);
        var told = 0;
        for (var i = 0; i < 100; i++)
        {
            try
            {
                told += await faulty.Write(db => Insert(db, $"{i}"), None);
            }
            catch (StorageUnavailableException)
            {
                // Lost or kept: the caller cannot know.
            }
        }

        var stand = await Count();
        told.ShouldBeInRange(40, 90);
        stand.ShouldBeGreaterThan(told);
        stand.ShouldBeLessThan(100);
        faulty.Heal();
        (await faulty.Write(db => Insert(db, "after"), None)).ShouldBe(1);
    }

    [Fact]
    public async Task The_ledger_cannot_be_changed_or_shortened()
    {
        await Database.Write(
            async db =>
            {
                await db.Execute("INSERT INTO tenants (id, created_at) VALUES ('t', 0)");
                await db.Execute(
                    """
                    INSERT INTO ledger_entries (tenant_id, id, at, event, actor_id, body, leaf_hash)
                    VALUES ('t', 'e', 0, 'refused', 'anonymous', @body, @body)
                    """,
                    new { body = new byte[] { 1 } });
                return await db.Execute("INSERT INTO ledger_positions (tenant_id, position, entry_id) VALUES ('t', 1, 'e')");
            },
            None);
        string[] attacks =
        [
            "UPDATE ledger_entries SET event = 'x'", "DELETE FROM ledger_entries", "UPDATE ledger_positions SET position = 2",
            "DELETE FROM ledger_positions",
        ];
        foreach (var attack in attacks)
        {
            var refused = await Should.ThrowAsync<Exception>(() => Database.Write(db => db.Execute(attack), None), attack);
            refused.ShouldNotBeOfType<StorageUnavailableException>(attack);
        }

        (await Database.Read(db => db.Scalar<string>("SELECT event FROM ledger_entries"), None)).ShouldBe("refused");
        (await Database.Read(db => db.Scalar<long>("SELECT position FROM ledger_positions"), None)).ShouldBe(1);
    }

    [Fact]
    public async Task After_it_is_closed_every_call_is_refused_as_unavailable()
    {
        await Database.DisposeAsync();
        await Should.ThrowAsync<StorageUnavailableException>(() => Database.Write(db => Insert(db, "a"), None));
        await Should.ThrowAsync<StorageUnavailableException>(() => Count());
        await Database.DisposeAsync();
    }

    [Fact]
    public async Task Acts_that_wait_when_it_closes_are_answered()
    {
        var acts = Enumerable.Range(0, 300).Select(i => Database.Write(db => Insert(db, $"{i}"), None)).ToList();
        await Database.DisposeAsync();
        (await Task.WhenAll(acts)).ShouldAllBe(rows => rows == 1);
    }

    protected static Task<int> Insert(DbSession db, string id, long n = 0) =>
        db.Execute("INSERT INTO things (tenant_id, id, n) VALUES ('t', @id, @n)", new { id, n });

    private static Task Post(DbSession db, string id) => db.Post("INSERT INTO things (tenant_id, id, n) VALUES ('t', @id, @n)", new { id, n = 0L });

    protected Task<long> Count() => Database.Read(db => db.Scalar<long>("SELECT count(*) FROM things"), None);

    protected static bool Throw(Exception exception) => throw exception;
}
