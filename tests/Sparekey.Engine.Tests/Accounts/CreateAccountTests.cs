using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Passwords;

namespace Sparekey.Engine.Tests.Accounts;

/// <summary>What an account may be made of, and that nobody shares an identifier with anybody.</summary>
public sealed class CreateAccountTests : IAsyncLifetime
{
    private AccountScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await AccountScene.Create();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Keeps_everything_that_was_given()
    {
        var manager = await _scene.Person("manager@example.com");
        var made = (await _scene.Make(new NewAccount
        {
            Emails = ["First@example.com", "second@example.com"],
            Phones = ["+49 30 5550001"],
            Username = " Person ",
            Role = "operator",
            Kind = AccountKind.Employee,
            Groups = ["b", "a"],
            Manager = manager.Id,
            Traits = """{ "name" : "Zoë", "n": 1.50 }""",
            MetadataPublic = """{"x":[{}]}""",
            MetadataAdmin = "{}",
            ExternalIds = [new ExternalId("dfns", "us-1"), new ExternalId("cryptlex", "7")],
        })).Value;

        var read = (await _scene.Find(made.Id)).ShouldNotBeNull();
        read.Username.ShouldBe("Person");
        read.Addresses.Select(a => (a.Kind, a.Value, a.GivenAtCreation, a.IsUsable)).ShouldBe([
            (AddressKind.Email, "First@example.com", true, true), (AddressKind.Email, "second@example.com", true, true),
            (AddressKind.Phone, "+49 30 5550001", true, true)]);
        read.Groups.ShouldBe(["b", "a"]);
        read.Manager.ShouldBe(manager.Id);
        read.Traits.ShouldBe("""{"name":"Zoë","n":1.50}""");
        read.ExternalIds.ShouldBe([new ExternalId("cryptlex", "7"), new ExternalId("dfns", "us-1")]);
        (read.Role, read.Kind, read.Status, read.Version, read.CreatedAt)
            .ShouldBe(("operator", AccountKind.Employee, AccountStatus.Active, 1, _scene.Acts.Now));
        foreach (var typed in new[] { "PERSON", "first@EXAMPLE.com", " second@example.com", "+49 (30) 555-0001" })
        {
            (await _scene.FindByIdentifier(typed))!.Id.ShouldBe(made.Id, typed);
        }

        (await _scene.Acts.Read(
            db => _scene.Get<AccountStore>().FindByExternalId(db, TenantId.Default, new ExternalId("dfns", "us-1")), CancellationToken.None))!
            .Id.ShouldBe(made.Id);
    }

    [Fact]
    public async Task Gives_the_lowest_role_when_none_is_asked_for() =>
        (await _scene.Make(new NewAccount { Username = "somebody" })).Value.Role.ShouldBe("user");

    [Fact]
    public async Task Refuses_an_unknown_role() =>
        (await _scene.Make(new NewAccount { Username = "somebody", Role = "emperor" })).Refusal!.Code.ShouldBe(RefusalCode.UnknownRole);

    [Fact]
    public async Task Refuses_a_manager_who_is_nobody_here()
    {
        await _scene.AddTenant(AccountScene.Neighbour);
        var theirs = await _scene.Person(tenant: AccountScene.Neighbour);
        (await _scene.Make(new NewAccount { Username = "somebody", Manager = theirs.Id })).Refusal!.Faults[0].Pointer.ShouldBe("/manager_id");
    }

    public static readonly TheoryData<string, NewAccount> Wrong = new()
    {
        { "", new NewAccount() },
        { "/emails/0", new NewAccount { Emails = ["no address"] } },
        { "/emails/0", new NewAccount { Emails = ["a@example.com\r\nBcc: b@example.com"] } },
        { "/emails/0", new NewAccount { Emails = ["a\u0000@example.com"] } },
        { "/emails/0", new NewAccount { Emails = ["a\u202E@example.com"] } },
        { "/emails/0", new NewAccount { Emails = [new string('a', 65) + "@example.com"] } },
        { "/emails/1", new NewAccount { Emails = ["a@example.com", "A@EXAMPLE.COM"] } },
        { "/emails", new NewAccount { Emails = [.. Enumerable.Range(0, 11).Select(i => $"a{i}@example.com")] } },
        { "/phones/0", new NewAccount { Phones = ["5550000"] } },
        { "/phones/0", new NewAccount { Phones = ["+" + new string('1', 16)] } },
        { "/username", new NewAccount { Username = "a" } },
        { "/username", new NewAccount { Username = "a@example.com" } },
        { "/username", new NewAccount { Username = "+49305550000" } },
        { "/username", new NewAccount { Username = new string('a', 65) } },
        { "/username", new NewAccount { Username = "tab\tbed" } },
        { "/groups/0", new NewAccount { Username = "somebody", Groups = ["a\nb"] } },
        { "/groups/1", new NewAccount { Username = "somebody", Groups = ["a", ""] } },
        { "/groups", new NewAccount { Username = "somebody", Groups = [.. Enumerable.Range(0, 101).Select(i => $"g{i}")] } },
        { "/groups", new NewAccount { Username = "somebody", Groups = ["a", "a"] } },
        { "/external_ids/0", new NewAccount { ExternalIds = [new ExternalId("", "1")] } },
        { "/external_ids/0", new NewAccount { ExternalIds = [new ExternalId("dfns", new string('1', 257))] } },
        { "/traits", new NewAccount { Username = "somebody", Traits = "[]" } },
        { "/traits", new NewAccount { Username = "somebody", Traits = "{" } },
        { "/traits", new NewAccount { Username = "somebody", Traits = """{"a":1,"a":2}""" } },
        { "/traits", new NewAccount { Username = "somebody", Traits = """{"a":"\u0000"}""" } },
        { "/traits", new NewAccount { Username = "somebody", Traits = """{"a":"\ud800"}""" } },
        { "/traits", new NewAccount { Username = "somebody", Traits = $$"""{"a":"{{new string('x', 16 * 1024)}}"}""" } },
        { "/traits", new NewAccount { Username = "somebody", Traits = string.Concat(Enumerable.Repeat("""{"a":""", 20)) + "1" + new string('}', 20) } },
        { "/metadata_public", new NewAccount { Username = "somebody", MetadataPublic = "1" } },
        { "/metadata_admin", new NewAccount { Username = "somebody", MetadataAdmin = "" } },
        { "/password", new NewAccount { Username = "somebody", Password = new SecretText("x"), PasswordHash = new SecretText("x") } },
        { "/password_hash", new NewAccount { Username = "somebody", PasswordHash = new SecretText("not base64") } },
        { "/password_hash", new NewAccount { Username = "somebody", PasswordHash = new SecretText(Hash(iterations: 3_000_000)) } },
        { "/password_hash", new NewAccount { Username = "somebody", PasswordHash = new SecretText(Hash(format: 0)) } },
        { "/password_hash", new NewAccount { Username = "somebody", PasswordHash = new SecretText(Hash(salt: uint.MaxValue)) } },
        { "/password_hash", new NewAccount { Username = "somebody", PasswordHash = new SecretText(Hash(length: 20)) } },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public async Task Refuses_what_no_account_is_made_of(string pointer, NewAccount wanted)
    {
        var refusal = (await _scene.Make(wanted)).Refusal.ShouldNotBeNull();
        refusal.Code.ShouldBe(RefusalCode.InvalidRequest);
        refusal.Faults.ShouldHaveSingleItem().Pointer.ShouldBe(pointer);
        (await _scene.Count("SELECT COUNT(*) FROM accounts")).ShouldBe(0);
    }

    [Fact]
    public async Task Reports_every_fault_at_once() =>
        (await _scene.Make(new NewAccount { Emails = ["x"], Username = "y", Traits = "z" })).Refusal!.Faults.Select(f => f.Pointer)
            .ShouldBe(["/emails/0", "/username", "/traits"], ignoreOrder: true);

    [Fact]
    public async Task Takes_the_largest_object()
    {
        var traits = $$"""{"a":"{{new string('x', (16 * 1024) - 8)}}"}""";
        (await _scene.Make(new NewAccount { Username = "somebody", Traits = traits })).Value.Traits.ShouldBe(traits);
    }

    [Theory]
    [InlineData("Person@Example.com")]
    [InlineData("  person@example.com ")]
    public async Task Refuses_an_address_that_somebody_has(string email)
    {
        await _scene.Person("person@example.com");
        (await _scene.Make(new NewAccount { Emails = [email], Username = "other" })).Refusal!.Code.ShouldBe(RefusalCode.IdentifierTaken);
        (await _scene.FindByIdentifier("other")).ShouldBeNull();
    }

    [Theory]
    [InlineData("ZO\u00CB")]
    [InlineData("zoe\u0308")]
    [InlineData("ZOE\u0308")]
    public async Task A_user_name_in_another_case_or_composition_is_the_same(string again)
    {
        await _scene.Make(new NewAccount { Username = "Zo\u00EB" });
        (await _scene.Make(new NewAccount { Username = again })).Refusal!.Code.ShouldBe(RefusalCode.IdentifierTaken);
    }

    [Fact]
    public async Task The_same_telephone_number_written_otherwise_is_the_same()
    {
        await _scene.Make(new NewAccount { Phones = ["+49 30 5550000"] });
        (await _scene.Make(new NewAccount { Phones = ["+4930-555.0000"] })).Refusal!.Code.ShouldBe(RefusalCode.IdentifierTaken);
    }

    [Fact]
    public async Task An_external_id_belongs_to_one_account()
    {
        await _scene.Make(new NewAccount { ExternalIds = [new ExternalId("dfns", "us-1")] });
        (await _scene.Make(new NewAccount { ExternalIds = [new ExternalId("dfns", "us-1")] })).Refusal!.Code.ShouldBe(RefusalCode.IdentifierTaken);
        (await _scene.Make(new NewAccount { ExternalIds = [new ExternalId("cryptlex", "us-1")] })).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Neighbours_have_names_of_their_own()
    {
        await _scene.AddTenant(AccountScene.Neighbour);
        var ours = await _scene.Person("person@example.com");
        var theirs = await _scene.Person("person@example.com", tenant: AccountScene.Neighbour);
        (await _scene.FindByIdentifier("person@example.com"))!.Id.ShouldBe(ours.Id);
        (await _scene.FindByIdentifier("person@example.com", AccountScene.Neighbour))!.Id.ShouldBe(theirs.Id);
    }

    [Fact]
    public async Task One_of_many_gets_an_address_they_all_want_at_once()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => _scene.Make(
            new NewAccount { Emails = ["wanted@example.com"], Username = $"person{i}" })));
        made.Count(m => m.Refusal is null).ShouldBe(1);
        made.Where(m => m.Refusal is not null).ShouldAllBe(m => m.Refusal!.Code == RefusalCode.IdentifierTaken);
        (await _scene.Count("SELECT COUNT(*) FROM accounts")).ShouldBe(1);
        (await _scene.Count("SELECT COUNT(*) FROM identifiers")).ShouldBe(2);
    }

    [Fact]
    public async Task A_password_that_somebody_else_chose_is_provisional()
    {
        var made = (await _scene.Make(new NewAccount { Username = "somebody", Password = new SecretText("a long and winding password") })).Value;
        var stored = await Password(made.Id);
        stored.ProvisionalUntil.ShouldBe(_scene.Acts.Now + TimeSpan.FromHours(24));
        (await _scene.StoredBytes()).ShouldNotContain("a long and winding password");
        (await _scene.Ledger(LedgerEvent.AccountCreated))[^1].GetProperty("facts").GetProperty("password").GetString().ShouldBe("provisional");
    }

    [Fact]
    public async Task An_imported_hash_is_the_persons_own()
    {
        var hash = Hash();
        var made = (await _scene.Make(new NewAccount { Username = "somebody", PasswordHash = new SecretText(hash) })).Value;
        var stored = await Password(made.Id);
        (stored.ProvisionalUntil, stored.Hash).ShouldBe((null, hash));
    }

    [Theory]
    [InlineData("short")]
    [InlineData("somebody")]
    public async Task A_weak_password_makes_no_account(string password)
    {
        (await _scene.Make(new NewAccount { Username = "somebody", Password = new SecretText(password) })).Refusal!.Code
            .ShouldBe(RefusalCode.PasswordRefused);
        (await _scene.FindByIdentifier("somebody")).ShouldBeNull();
    }

    [Fact]
    public void Nothing_wanted_shows_its_password() =>
        new NewAccount { Password = new SecretText("hush"), PasswordHash = new SecretText("hush") }.ToString().ShouldNotContain("hush");

    private async Task<StoredPassword> Password(AccountId id) => (await _scene.Acts.Read(
        db => _scene.Get<PasswordStore>().Find(db, TenantId.Default, id), CancellationToken.None)).ShouldNotBeNull();

    private static string Hash(byte format = 1, uint iterations = 100_000, uint salt = 16, int length = 13 + 16 + 32)
    {
        var bytes = new byte[length];
        bytes[0] = format;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1), 2);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(5), iterations);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(9), salt);
        return Convert.ToBase64String(bytes);
    }
}
