using System.Text.RegularExpressions;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Storage;

/// <summary>
/// No query crosses tenants. The source is read as text: that finds what was forgotten, and cannot prove what it does not understand, so what it does
/// not understand is named here with its reason.
/// </summary>
[Trait("runs", "once")]
public sealed partial class TenantQueriesTests(BothEngines engines) : IClassFixture<BothEngines>
{
    private static readonly string Source = Path.Combine(Repository.Root, "src", "Sparekey.Engine");

    // Which statement of which file, and why it may.
    private static readonly (string File, string Beginning, string Why)[] Explained =
    [
        ("Accounts/AccountStore.cs", "SELECT COUNT(*) FROM accounts a WHERE {where}", ConditionElsewhere),
        ("Accounts/AccountStore.cs", "SELECT a.id FROM accounts a WHERE {where} ORDER BY", ConditionElsewhere),
        ("Credentials/Escrow/Requests/EscrowRequestStore.cs", "SELECT id AS Id, recovery_id AS Recovery, account_id", ConditionElsewhere),
        ("Credentials/Escrow/Requests/EscrowRequestStore.cs", "SELECT COUNT(*) FROM escrow_requests WHERE {where}", ConditionElsewhere),
        ("Slack/SlackAppStore.cs", "SELECT tenant_id FROM slack_apps ORDER BY", WhichTenants),
        ("Webhooks/TellWebhooks.cs", "SELECT DISTINCT tenant_id FROM webhooks ORDER BY", WhichTenants),
        ("Credentials/Escrow/RotationStore.cs", "SELECT tenant_id FROM escrow_rotations WHERE state = 'running' ORDER BY", WhichTenants),
        ("Keys/KeysInUse.cs", "(SELECT ", WhatAKeyHolds),
        ("Keys/KeysInUse.cs", "SELECT ", WhatAKeyHolds),
        ("Storage/Moving/MovedTable.cs", "SELECT COUNT(*) FROM {Sql} WHERE", WholeInstallation),
        ("Storage/Moving/MovedTable.cs", "SELECT {columns} FROM {Sql} WHERE", WholeInstallation),
        ("Storage/Moving/MoveInstallation.cs", "UPDATE {name} SET {set} WHERE {key}", WholeInstallation),
    ];

    private const string ConditionElsewhere = "the condition is put together in code and begins with the tenant, as the next test shows";
    private const string WhichTenants = "says which tenants have something to do, and reads nothing of theirs";
    private const string WholeInstallation = "moves all of an installation that nobody serves, in batches by primary key";
    private const string WhatAKeyHolds = "the key ring is the installation's: counts, in a read of its own, what still needs a version of it";

    [Fact]
    public async Task Every_statement_of_a_tenants_table_names_its_tenant_once_for_each_table()
    {
        var statements = await Statements();
        statements.Count.ShouldBeGreaterThan(350);
        var faults = statements.Select(s => (s.Place, Fault: Fault(s.Text), s.Text)).Where(f => f.Fault is not null).ToList();
        faults.Where(f => !Explained.Any(e => IsOf(e, f.Place, f.Text))).Select(f => $"{f.Place}: {f.Fault}: {f.Text}").ShouldBeEmpty();
        Explained.Where(e => !faults.Any(f => IsOf(e, f.Place, f.Text))).ShouldBeEmpty("explained, and no longer there");
    }

    [Theory]
    [InlineData("Accounts/AccountSearchText.cs", "a.tenant_id = @tenant")]
    [InlineData("Credentials/Escrow/Requests/EscrowRequestStore.cs", "tenant_id = @tenant")]
    public void A_condition_that_is_put_together_in_code_begins_with_the_tenant(string file, string beginning) => SqlInSource
        .Literals(file, File.ReadAllText(Path.Combine(Source, file))).ShouldContain(l => l.Text.StartsWith(beginning, StringComparison.Ordinal));

    [Theory]
    [InlineData("SELECT a FROM accounts WHERE tenant_id = @tenant", true)]
    [InlineData("SELECT a FROM accounts WHERE id = @id", false)]
    [InlineData("SELECT a FROM accounts a JOIN addresses d ON d.tenant_id = a.tenant_id AND d.account_id = a.id WHERE a.tenant_id = @tenant", true)]
    [InlineData("SELECT a FROM accounts a JOIN addresses d ON d.account_id = a.id WHERE a.tenant_id = @tenant AND d.tenant_id = @tenant", false)]
    [InlineData("SELECT a FROM accounts a WHERE a.tenant_id = @tenant AND EXISTS (SELECT 1 FROM addresses d WHERE d.account_id = a.id)", false)]
    [InlineData("INSERT INTO accounts (tenant_id, id) VALUES (@tenant, @id)", true)]
    [InlineData("INSERT INTO accounts (id) VALUES (@id)", false)]
    [InlineData("UPDATE accounts SET role = @role WHERE id = @id", false)]
    [InlineData("DELETE FROM accounts WHERE tenant_id = @tenant AND id = @id", true)]
    [InlineData("SELECT a FROM accounts WHERE tenant_id <> @tenant", false)]
    public void The_reader_tells_a_statement_that_keeps_to_its_tenant_from_one_that_does_not(string sql, bool good) =>
        (Fault(sql) is null).ShouldBe(good);

    [Fact]
    public void The_reader_puts_together_what_the_source_has_in_parts()
    {
        const string Sample = """"
            const string Columns = "id, name"; // "no literal"
            const string Other = "x";
            var c = '"';
            db.List($"SELECT {Columns} FROM a "
                + "WHERE tenant_id = @tenant");
            db.Find($"""
                SELECT {Columns}, {unknown} FROM b
                """);
            """";
        SqlInSource.Literals("x.cs", Sample).Select(l => l.ToString()).ShouldBe(
        [
            new SqlText("x.cs:2", "x").ToString(),
            new SqlText("x.cs:4", "SELECT id, name FROM a WHERE tenant_id = @tenant").ToString(),
            new SqlText("x.cs:6", "SELECT id, name, {unknown} FROM b").ToString(),
        ]);
    }

    private static bool IsOf((string File, string Beginning, string Why) explained, string place, string text) =>
        place.StartsWith(explained.File + ":", StringComparison.Ordinal) && text.StartsWith(explained.Beginning, StringComparison.Ordinal);

    private static string? Fault(string sql)
    {
        var inserts = Insert().Matches(sql);
        if (inserts.Any(i => !i.Groups["columns"].Value.StartsWith("tenant_id", StringComparison.Ordinal)))
        {
            return "inserts without the tenant";
        }

        if (Join().Matches(sql).Any(j => !j.Groups["on"].Value.Contains("tenant_id", StringComparison.Ordinal)))
        {
            return "joins without the tenant";
        }

        var (reads, conditions) = (Read().Count(sql), Condition().Count(sql));
        return conditions < reads ? $"reads {reads} tables and has {conditions} conditions on the tenant" : null;
    }

    private async Task<IReadOnlyList<SqlText>> Statements()
    {
        var tables = (await Schema.Of(engines.Sqlite)).OfTenants.Select(t => t.Name).ToList();
        return [.. SqlInSource.Of(Source, tables)];
    }

    [GeneratedRegex(@"\bINSERT INTO \w+ ?(\w+ )?\((?<columns>[^)]*)\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Insert();

    [GeneratedRegex(@"\bJOIN \w+( AS)? \w+ ON (?<on>.*?)(?=\b(JOIN|WHERE|GROUP|ORDER|LIMIT|LEFT|UNION)\b|$)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Join();

    // A table in a hole counts as one. DO UPDATE SET changes the row that was to be inserted; IS DISTINCT FROM reads nothing.
    [GeneratedRegex(@"(?<!DISTINCT )\bFROM [a-z{]|\bJOIN [a-z{]|\bUPDATE [a-z{]", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Read();

    [GeneratedRegex(@"\btenant_id = |\btenant_id IN \(", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Condition();
}
