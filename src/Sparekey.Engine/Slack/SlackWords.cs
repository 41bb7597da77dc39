using System.Collections.Frozen;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Slack;

/// <summary>What questions in Slack say, in one language.</summary>
internal sealed class SlackWords
{
    private static readonly FrozenDictionary<string, SlackWords> ByLanguage = new Dictionary<string, SlackWords>(StringComparer.Ordinal)
    {
        ["en"] = new(new(StringComparer.Ordinal)
        {
            ["ask_person"] = "Did you ask for this? Somebody wants to get your account at {application} back.",
            ["ask_approver"] = "Somebody wants to get an account at {application} back. Approve or deny?",
            ["hint_person"] = "If it was not you, say no: it ends at once. Nobody of ours will ever ask you to press yes.",
            ["hint_approver"] = "Look at the reason and at who asks. If you cannot tell, deny.",
            ["confirmed"] = "You confirmed, or it was confirmed elsewhere. There is nothing more to do here.",
            ["approved"] = "Enough people have decided. There is nothing more to do here.",
            ["denied"] = "Somebody said no. It has ended.",
            ["cancelled"] = "It was cancelled.",
            ["expired"] = "Its time is over.",
            ["over"] = "It is over. There is nothing more to do here.",
            ["account"] = "Account", ["requester"] = "Asked for by", ["stranger"] = "somebody who did not say who they are", ["when"] = "Asked",
            ["changes"] = "What it does", ["reason"] = "Reason", ["ticket"] = "Ticket", ["risk"] = "Risk", ["open"] = "Needed", ["until"] = "Open until",
            ["yes"] = "Yes, it was me", ["no"] = "No, it was not me", ["approve"] = "Approve", ["deny"] = "Deny", ["review"] = "Review and decide",
            ["need.approvals"] = "approvals", ["need.reason"] = "reason", ["need.ticket"] = "ticket", ["need.confirmation"] = "the person confirms",
            ["need.evidence"] = "evidence", ["need.wait"] = "waiting time", ["need.authorization"] = "authorization", ["need.second_proof"] = "second proof",
            ["need.split_secret"] = "a secret in two halves",
            ["means.link"] = "a link to set a new password or passkey", ["means.code"] = "a code to set a new password or passkey",
            ["means.token"] = "a reset token", ["means.recovery_key"] = "a new key, signed by the recovery key", ["means.escrow"] = "releases an encrypted secret",
            ["means.force"] = "a programme sets a credential", ["means.saved_code"] = "a saved recovery code sets a new password or passkey",
            ["revoke.sessions"] = "ends sessions", ["revoke.passwords"] = "ends passwords", ["revoke.passkeys"] = "ends passkeys", ["revoke.keys"] = "ends keys",
            ["revoke.recovery_keys"] = "ends recovery keys", ["revoke.recovery_codes"] = "ends recovery codes",
            ["revoke.external_logins"] = "ends external logins", ["revoke.passkeys_for_now"] = "puts passkeys to rest",
            ["not_done"] = "Nothing was done: {why}.", ["why.not_you"] = "this is not yours to answer", ["why.unknown"] = "no account here has your confirmed e-mail address",
            ["why.step_up"] = "approvals are given on the page, with a passkey", ["why.permission_missing"] = "you are nobody who approves here",
            ["why.digest_mismatch"] = "the request changed meanwhile; look at it again", ["why.separation_of_duties"] = "somebody else has to decide on this",
            ["why.recently_recovered"] = "your own account was recovered in the last three days", ["why.already_decided"] = "you decided already",
            ["why.own_account"] = "it is your own account", ["why.above_ceiling"] = "the account ranks above what you decide on",
            ["why.ended"] = "there is nothing left to decide", ["why.later"] = "it cannot be done now",
        }),
        ["de"] = new(new(StringComparer.Ordinal)
        {
            ["ask_person"] = "Waren Sie das? Jemand möchte Ihr Konto bei {application} wiederherstellen.",
            ["ask_approver"] = "Jemand möchte ein Konto bei {application} wiederherstellen. Zustimmen oder ablehnen?",
            ["hint_person"] = "Wenn Sie es nicht waren, sagen Sie nein: Dann endet es sofort. Niemand von uns wird Sie je bitten, ja zu drücken.",
            ["hint_approver"] = "Sehen Sie sich den Grund an, und wer fragt. Wenn Sie es nicht beurteilen können, lehnen Sie ab.",
            ["confirmed"] = "Sie haben bestätigt, oder es wurde anderswo bestätigt. Hier ist nichts mehr zu tun.",
            ["approved"] = "Genug Menschen haben entschieden. Hier ist nichts mehr zu tun.",
            ["denied"] = "Jemand hat nein gesagt. Es ist beendet.",
            ["cancelled"] = "Es wurde abgebrochen.",
            ["expired"] = "Die Zeit ist abgelaufen.",
            ["over"] = "Es ist vorbei. Hier ist nichts mehr zu tun.",
            ["account"] = "Konto", ["requester"] = "Angefragt von", ["stranger"] = "jemand, der nicht sagt, wer er ist", ["when"] = "Angefragt am",
            ["changes"] = "Was es bewirkt", ["reason"] = "Grund", ["ticket"] = "Ticket", ["risk"] = "Risiko", ["open"] = "Nötig", ["until"] = "Offen bis",
            ["yes"] = "Ja, das war ich", ["no"] = "Nein, das war ich nicht", ["approve"] = "Zustimmen", ["deny"] = "Ablehnen", ["review"] = "Ansehen und entscheiden",
            ["need.approvals"] = "Zustimmungen", ["need.reason"] = "Grund", ["need.ticket"] = "Ticket", ["need.confirmation"] = "die Person bestätigt",
            ["need.evidence"] = "Nachweis", ["need.wait"] = "Wartezeit", ["need.authorization"] = "Freigabe", ["need.second_proof"] = "zweiter Nachweis",
            ["need.split_secret"] = "ein Geheimnis in zwei Hälften",
            ["means.link"] = "ein Link für ein neues Passwort oder einen neuen Passkey", ["means.code"] = "ein Code für ein neues Passwort oder einen neuen Passkey",
            ["means.token"] = "ein Rücksetz-Token", ["means.recovery_key"] = "ein neuer Schlüssel, vom Wiederherstellungsschlüssel unterschrieben",
            ["means.escrow"] = "gibt ein verschlüsseltes Geheimnis frei", ["means.force"] = "ein Programm setzt ein Anmeldemittel",
            ["means.saved_code"] = "ein aufbewahrter Wiederherstellungscode setzt ein neues Passwort oder einen neuen Passkey",
            ["revoke.sessions"] = "beendet Sitzungen", ["revoke.passwords"] = "beendet Passwörter", ["revoke.passkeys"] = "beendet Passkeys",
            ["revoke.keys"] = "beendet Schlüssel", ["revoke.recovery_keys"] = "beendet Wiederherstellungsschlüssel",
            ["revoke.recovery_codes"] = "beendet Wiederherstellungscodes", ["revoke.external_logins"] = "beendet externe Anmeldungen",
            ["revoke.passkeys_for_now"] = "legt Passkeys still",
            ["not_done"] = "Es wurde nichts getan: {why}.", ["why.not_you"] = "diese Frage gilt nicht Ihnen",
            ["why.unknown"] = "kein Konto hier hat Ihre bestätigte E-Mail-Adresse", ["why.step_up"] = "zugestimmt wird auf der Seite, mit einem Passkey",
            ["why.permission_missing"] = "Sie entscheiden hier nicht", ["why.digest_mismatch"] = "die Anfrage hat sich inzwischen geändert; sehen Sie sie noch einmal an",
            ["why.separation_of_duties"] = "darüber muss jemand anderes entscheiden", ["why.recently_recovered"] = "Ihr eigenes Konto wurde in den letzten drei Tagen wiederhergestellt",
            ["why.already_decided"] = "Sie haben schon entschieden", ["why.own_account"] = "es ist Ihr eigenes Konto",
            ["why.above_ceiling"] = "das Konto steht über denen, über die Sie entscheiden", ["why.ended"] = "hier ist nichts mehr zu entscheiden",
            ["why.later"] = "es geht gerade nicht",
        }),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private readonly Dictionary<string, string> _words;

    private SlackWords(Dictionary<string, string> words) => _words = words;

    /// <summary>The names of all words, to compare languages by.</summary>
    public IReadOnlyCollection<string> Names => _words.Keys;

    /// <summary>A word; where there is none, the last part of its name.</summary>
    /// <param name="name">Its name.</param>
    public string this[string name] => _words.GetValueOrDefault(name) ?? name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];

    /// <summary>Why nothing was done, as people are told.</summary>
    /// <param name="why">The name of the reason.</param>
    public string NotDone(string why) =>
        this["not_done"].Replace("{why}", _words.GetValueOrDefault("why." + why) ?? this["why.later"], StringComparison.Ordinal);

    /// <summary>The words of a language.</summary>
    /// <param name="language">The language; English where there are none in it.</param>
    public static SlackWords Of(string language) => ByLanguage.GetValueOrDefault(language) ?? ByLanguage[MailTemplates.DefaultLanguage];
}
