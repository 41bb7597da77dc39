using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Delivery;

/// <summary>
/// Gives every claimed message its one recipient, in the act that claims it. A message to several becomes one row each: so nobody
/// sees who else is told, and what reached one address is not sent there again because another failed. Here too a notice gets the link
/// that says "this was not me", one of its own for each address: not before it leaves, since what never leaves needs none.
/// </summary>
/// <param name="queue">The outbox.</param>
/// <param name="accounts">Knows where people are reached now.</param>
/// <param name="applications">Knows where links lead.</param>
/// <param name="pages">Makes the links.</param>
/// <param name="tokens">Makes their tokens.</param>
/// <param name="keys">Opens and seals what messages say.</param>
/// <param name="options">Knows whether telephones are reached.</param>
internal sealed class MessageAddressing(
    OutboxQueue queue, AccountStore accounts, ApplicationStore applications, RecoveryPages pages, RepudiationTokens tokens, KeyRing keys,
    EngineOptions options)
{
    /// <summary>The value that holds the link by which the person takes a recovery back.</summary>
    public const string NotMeLink = "not_me_link";

    /// <summary>Addresses a message. If the process dies after this act, the next claim finds each row as it was left here.</summary>
    /// <param name="act">The act that claimed it.</param>
    /// <param name="message">The message.</param>
    /// <param name="until">Until when it is claimed.</param>
    /// <returns>The messages to send, one for each recipient; or why there is none.</returns>
    public async Task<(IReadOnlyList<QueuedMessage> Messages, Undeliverable? Why)> Address(
        Act act, QueuedMessage message, DateTimeOffset until)
    {
        if (MessagePayload.Open(keys, act.Tenant, message.Id, message.Sealed) is not { } payload)
        {
            return ([], Undeliverable.Unreadable);
        }

        var recipients = await RecipientsOf(act, message, payload);
        if (recipients.Count == 0)
        {
            return ([], Undeliverable.NoAddress);
        }

        // One that was addressed before keeps what it says: a second token for the same mail would make two of it.
        if (payload.To.Count == 1 && (payload.Values.ContainsKey(NotMeLink) || !TakesNotMeLink(message, recipients[0])))
        {
            var only = message with { Route = payload.To[0].Route };
            if (only.Route != message.Route)
            {
                await queue.Rewrite(act, only);
            }

            return ([only], null);
        }

        var messages = new List<QueuedMessage>(recipients.Count);
        foreach (var recipient in recipients)
        {
            var id = messages.Count == 0 ? message.Id : NewId.Make<MessageId>();
            var values = await WithNotMeLink(act, message, recipient, payload.Values);
            var own = message with
            {
                Id = id, Route = recipient.Route, Sealed = new MessagePayload([recipient], values).Seal(keys, act.Tenant, id),
            };
            await (messages.Count == 0 ? queue.Rewrite(act, own) : queue.Add(act, own, until));
            messages.Add(own);
        }

        return (messages, null);
    }

    // Notices go to whoever takes them when they leave: an address that was added since is told, one that was removed is not.
    private async Task<IReadOnlyList<Recipient>> RecipientsOf(Act act, QueuedMessage message, MessagePayload payload)
    {
        var to = payload.To;
        if (to.Count == 0)
        {
            var account = await accounts.Find(act.Db, act.Tenant, message.Account);
            to = [.. (account?.AddressesForNotices() ?? []).Select(Recipient.Of)];
        }

        return [.. to.Where(IsReached)
            .DistinctBy(r => (r.Kind, Identifier.Normalize(r.Value) ?? r.Value))];
    }

    // Whoever was added as an address lately has no say yet: a changed one carries no secret, no confirmation and no vote for a day.
    private static bool TakesNotMeLink(QueuedMessage message, Recipient recipient) =>
        message.CanBeTakenBack() && recipient.CountsFrom <= message.CreatedAt;

    // Where nobody sends to telephones, a message to one is undeliverable.
    private bool IsReached(Recipient recipient) => recipient.Route switch
    {
        MessageRoute.Sms => options.Phone is not null,
        MessageRoute.Voice => options.Phone is { Calls: true },
        _ => true,
    };

    private async Task<IReadOnlyDictionary<string, string>> WithNotMeLink(
        Act act, QueuedMessage message, Recipient recipient, IReadOnlyDictionary<string, string> values)
    {
        if (!TakesNotMeLink(message, recipient))
        {
            return values;
        }

        var application = Ids.TryParse<ApplicationId>(values.GetValueOrDefault("application"), out var id)
            ? await applications.Find(act.Db, act.Tenant, id)
            : null;
        var token = await tokens.Mint(act, message.Account, message.Recovery, recipient.VerifiedAt);

        // In the fragment, which no server and no Referer header sees.
        return new Dictionary<string, string>(values, StringComparer.Ordinal)
        {
            [NotMeLink] = $"{pages.NotMe(application)}#{token.Reveal()}",
        };
    }
}
