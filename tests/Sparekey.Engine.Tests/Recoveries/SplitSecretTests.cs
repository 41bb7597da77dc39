using Sparekey.Core;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Tests.Sessions;

namespace Sparekey.Engine.Tests.Recoveries;

/// <summary>A secret in two halves: neither alone is worth anything, and neither can be tried alone.</summary>
public sealed class SplitSecretTests
{
    private static readonly DemandDocument Split = new(Split: true);

    [Theory]
    [InlineData(Means.Link)]
    [InlineData(Means.Token)]
    [InlineData(Means.Code)]
    public async Task One_half_goes_to_the_caller_and_the_other_to_the_person_and_both_together_open_it(Means means)
    {
        await using var scene = await ProofScene.Create(Split);
        var issued = (await scene.Open(means)).Value.Fresh!;
        issued.SecondHalfTo.ShouldBe("j•••@e•••.com");
        var first = issued.Secret!.Text.Reveal();
        var (kind, to, half, _) = (await scene.Sent()).ShouldHaveSingleItem();
        (kind, to).ShouldBe(("recovery_second_half", "jane@example.com"));
        scene.Scene.StoredBytes().ShouldNotContain(half);

        var tries = 0;
        foreach (var wrong in new[] { null, "", "ABCDE-12345", half + "X", first })
        {
            var refused = await Redeem(wrong);
            var unasked = means != Means.Code && wrong is null;
            refused.Refusal!.Code.ShouldBe(unasked ? RefusalCode.SecondHalfRequired : RefusalCode.SecretInvalid);
            tries += unasked ? 0 : 1;
            var secret = (await scene.Find(issued.Recovery.Id)).Secret;
            if (secret is not null)
            {
                (secret.Tries + secret.HandleTries).ShouldBe(tries);
            }
        }

        // The halves the other way round are no secret either.
        (await scene.RedeemCode(half, first)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        var opened = await Redeem(half.ToLowerInvariant().Replace("-", " ", StringComparison.Ordinal));
        opened.Refusal.ShouldBeNull();
        (await scene.SetPassword(opened.Value)).Refusal.ShouldBeNull();
        (await Redeem(half)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);

        Task<Result<OpenedRedemption>> Redeem(string? second) => means switch
        {
            Means.Link => scene.RedeemLink(first, second),
            Means.Token => scene.Redeem(new PresentedSecret.Long(Means.Token, new SecretText(first)) { Half = second is null ? null : new SecretText(second) }),
            _ => scene.RedeemCode(first, second),
        };
    }

    [Fact]
    public async Task Mailed_the_halves_go_to_two_addresses_and_the_typed_code_needs_the_second_too()
    {
        await using var scene = await ProofScene.Create(Split);
        (await scene.Open(channel: Channel.Email)).Value.Fresh!.Secret.ShouldBeNull();
        var sent = (await scene.Sent()).OrderBy(s => s.Kind, StringComparer.Ordinal).ToList();
        sent.Select(s => (s.Kind, s.To)).ShouldBe([("recovery_link", "jane@example.com"), ("recovery_second_half", "jane@example.org")]);
        var (link, code, half) = (sent[0].Secret, sent[0].Code!, sent[1].Secret);
        (await scene.RedeemLink(link)).Refusal!.Code.ShouldBe(RefusalCode.SecondHalfRequired);
        (await scene.RedeemCode(code)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.RedeemCode(half)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.RedeemCode(code, half)).Refusal.ShouldBeNull();
        (await scene.RedeemLink(link, half)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task The_halves_of_two_generations_do_not_fit_and_issuing_again_takes_the_unsent_half_back()
    {
        await using var scene = await ProofScene.Create(Split);
        var first = (await scene.Open(Means.Code)).Value.Fresh!;
        var oldHalf = (await scene.Sent()).Single().Secret;
        var second = (await scene.Issue(first.Recovery.Id)).Value.Fresh!;
        var half = (await scene.Sent()).ShouldHaveSingleItem().Secret;
        half.ShouldNotBe(oldHalf);
        (await scene.RedeemCode(second.Secret!.Text.Reveal(), oldHalf)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.RedeemCode(first.Secret!.Text.Reveal(), half)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await scene.RedeemCode(second.Secret.Text.Reveal(), half)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task N18_Five_wrong_halves_of_a_link_use_it_up()
    {
        await using var scene = await ProofScene.Create(Split);
        var issued = (await scene.Open()).Value.Fresh!;
        var half = (await scene.Sent()).Single().Secret;
        for (var i = 0; i < RecoveryLimits.TriesByHandle; i++)
        {
            (await scene.RedeemLink(issued.Secret!.Text.Reveal(), "ABCDE-12345")).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        }

        (await scene.Find(issued.Recovery.Id)).State.ShouldBe(RecoveryState.Locked);
        (await scene.RedeemLink(issued.Secret!.Text.Reveal(), half)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
    }

    [Fact]
    public async Task Without_a_second_way_or_in_a_protocol_without_place_for_it_nothing_is_issued()
    {
        await using var scene = await ProofScene.Create(Split, "only@example.com");
        (await scene.Open(channel: Channel.Email)).Refusal!.Code.ShouldBe(RefusalCode.NoUsableAddress);
        (await scene.Sent()).ShouldBeEmpty();
        (await scene.Get<RequestRecovery>().Run(SessionScene.From(), "jane", CancellationToken.None)).ShouldBeNull();
        (await scene.Sent()).ShouldBeEmpty();
        (await scene.Scene.Count("SELECT COUNT(*) FROM recovery_secrets")).ShouldBe(0);
        var order = new RecoveryOrder(new AccountName(scene.Jane, null), Means.Token);
        var none = new Dictionary<string, string>(StringComparer.Ordinal);
        (await scene.Get<CollectRecovery>().Run(scene.Desk, order, none, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.PolicyRefuses);

        // Without a second address it takes one that reaches nobody else; the answer and a mail are two ways.
        (await scene.Open()).Refusal.ShouldBeNull();

        // A means without a secret of ours is not split.
        (await scene.Open(Means.Force)).Value.Fresh!.Redemption.ShouldNotBeNull();
    }
}
