using Sparekey.Core;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Tests.Accounts;

/// <summary>The code that confirms an address: wrong, late, twice, another's, and too often.</summary>
public sealed class ConfirmationTests : IAsyncLifetime
{
    private const string New = "new@example.org";

    private AccountScene _scene = null!;
    private Account _person = null!;
    private AddressId _added;

    public async ValueTask InitializeAsync()
    {
        _scene = await AccountScene.Create();
        _person = await _scene.Person();
        _added = await _scene.Added(_person.Id, New);
    }

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task A12_The_code_has_eight_digits_and_is_stored_as_a_hash_alone()
    {
        var code = await _scene.CodeAt(New);
        code.Length.ShouldBe(8);
        code.ShouldAllBe(c => char.IsAsciiDigit(c));
        (await _scene.StoredBytes()).ShouldNotContain(code);
    }

    [Fact]
    public async Task Spaces_and_hyphens_do_not_matter()
    {
        var code = await _scene.CodeAt(New);
        (await _scene.Confirm(_person.Id, _added, $" {code[..4]}-{code[4..]} ")).Refusal.ShouldBeNull();
    }

    [Theory]
    [InlineData("")]
    [InlineData("1234567")]
    [InlineData("123456789")]
    [InlineData("abcdefgh")]
    public async Task Refuses_what_is_no_code(string typed) => await Refused(typed);

    [Fact]
    public async Task Refuses_a_code_that_is_a_digit_off()
    {
        var code = await _scene.CodeAt(New);
        await Refused(code[..7] + (char)('0' + ((code[7] - '0' + 1) % 10)));
        (await _scene.Confirm(_person.Id, _added, code)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A11_Refuses_a_code_used_twice()
    {
        var code = await _scene.CodeAt(New);
        (await _scene.Confirm(_person.Id, _added, code)).Refusal.ShouldBeNull();
        (await _scene.Confirm(_person.Id, _added, code)).Refusal!.Code.ShouldBe(RefusalCode.AddressAlreadyConfirmed);
        (await _scene.SendCode(_person.Id, _added))!.Code.ShouldBe(RefusalCode.AddressAlreadyConfirmed);
    }

    [Fact]
    public async Task Refuses_a_code_after_its_day()
    {
        var code = await _scene.CodeAt(New);
        _scene.Time.Advance(TimeSpan.FromHours(24));
        await Refused(code);
    }

    [Fact]
    public async Task Takes_a_code_in_the_last_moment_of_its_day()
    {
        var code = await _scene.CodeAt(New);
        _scene.Time.Advance(TimeSpan.FromHours(24) - TimeSpan.FromMilliseconds(1));
        (await _scene.Confirm(_person.Id, _added, code)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A14_A_telephones_code_is_good_for_ten_minutes()
    {
        var phone = (await _scene.Add(_person.Id, "+49 30 5550000", kind: AddressKind.Phone)).Value.Addresses[^1].Id;
        var code = await _scene.CodeAt("+49 30 5550000");
        _scene.Time.Advance(TimeSpan.FromMinutes(10));
        (await _scene.Confirm(_person.Id, phone, code)).Refusal!.Code.ShouldBe(RefusalCode.ConfirmationInvalid);
    }

    [Fact]
    public async Task Refuses_another_addresss_code()
    {
        await _scene.Added(_person.Id, "second@example.org");
        await Refused(await _scene.CodeAt("second@example.org"));
    }

    [Fact]
    public async Task A_new_code_kills_the_former()
    {
        var former = await _scene.CodeAt(New);
        (await _scene.SendCode(_person.Id, _added))!.Code.ShouldBe(RefusalCode.TooManyRequests);
        _scene.Time.Advance(TimeSpan.FromMinutes(1));
        (await _scene.SendCode(_person.Id, _added)).ShouldBeNull();
        var present = await _scene.CodeAt(New);
        if (present != former)
        {
            await Refused(former);
        }

        (await _scene.Confirm(_person.Id, _added, present)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Ten_wrong_tries_kill_a_code()
    {
        var code = await _scene.CodeAt(New);
        for (var i = 0; i < 10; i++)
        {
            await Refused("00000000");
        }

        (await _scene.Confirm(_person.Id, _added, code)).Refusal!.Code.ShouldBe(RefusalCode.TooManyRequests);
        _scene.Time.Advance(TimeSpan.FromMinutes(11));
        await Refused(code);
        (await _scene.SendCode(_person.Id, _added)).ShouldBeNull();
        (await _scene.Confirm(_person.Id, _added, await _scene.CodeAt(New))).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task A_hundred_wrong_tries_end_it_for_the_address()
    {
        for (var code = 0; code < 10; code++)
        {
            for (var i = 0; i < 10; i++)
            {
                await Refused("00000000");
            }

            _scene.Time.Advance(TimeSpan.FromMinutes(11));
            var sent = await _scene.SendCode(_person.Id, _added);
            sent?.Code.ShouldBe(RefusalCode.ConfirmationInvalid);
            (sent is null).ShouldBe(code < 9);
        }

        await Refused(await _scene.CodeAt(New));
    }

    [Fact]
    public async Task Concurrent_tries_are_all_counted()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => _scene.Confirm(_person.Id, _added, "00000000")));
        answers.Count(a => a.Refusal!.Code == RefusalCode.ConfirmationInvalid).ShouldBe(10);
        answers.Count(a => a.Refusal!.Code == RefusalCode.TooManyRequests).ShouldBe(30);
        (await _scene.Count("SELECT confirm_tries FROM addresses WHERE id = @id", new { id = _added.ToString() })).ShouldBe(10);
    }

    [Fact]
    public async Task One_of_two_accounts_confirms_an_address_at_the_same_moment()
    {
        var other = await _scene.Person("other@example.com");
        var second = await _scene.Added(other.Id, New);
        var codes = (await _scene.Outbox()).Where(m => m.To.Contains(New) && m.Values.ContainsKey("code"))
            .ToDictionary(m => m.Account, m => m.Values["code"]);

        var answers = await Task.WhenAll(
            _scene.Confirm(_person.Id, _added, codes[_person.Id.ToString()]),
            _scene.Confirm(other.Id, second, codes[other.Id.ToString()]));

        answers.Count(a => a.Refusal is null).ShouldBe(1);
        answers.Single(a => a.Refusal is not null).Refusal!.Code.ShouldBe(RefusalCode.IdentifierTaken);
        (await _scene.Count("SELECT COUNT(*) FROM identifiers WHERE value = @New", new { New })).ShouldBe(1);
    }

    private async Task Refused(string typed)
    {
        (await _scene.Confirm(_person.Id, _added, typed)).Refusal!.Code.ShouldBe(RefusalCode.ConfirmationInvalid);
        (await _scene.FindByIdentifier(New)).ShouldBeNull();
    }
}
