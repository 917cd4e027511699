using System.IO.Pipes;
using System.Security.Principal;
using Twins.Access.Windows.Tests.Support;
using Twins.Manager.Access;
using Twins.Manager.Access.Sessions;
using Twins.Manager.Access.Windows;

namespace Twins.Access.Windows.Tests;

/// <summary>Who may do what, judged by tokens as the system makes them.</summary>
[TestClass]
public sealed class RightsTests
{
    private static readonly SecurityIdentifier Stranger = new("S-1-5-21-1-2-3-1001");
    private static readonly SecurityIdentifier Users = new(WellKnownSidType.BuiltinUsersSid, null);

    /// <summary>For the stranger as the user of twinsd and Users as readers: nobody by the network; all for SYSTEM and Administrators; to read and
    /// write for the other two, and only for the first of them to make a further instance (4).</summary>
    public static string AccessList =>
        "Allow S-1-5-18 0x1F019F, Allow S-1-5-21-1-2-3-1001 0x12019F, Allow S-1-5-32-544 0x1F019F, Allow S-1-5-32-545 0x12019B, Deny S-1-5-2 0x1F019F";

    [TestMethod]
    public void Administrator_MayReadAndChange()
    {
        using var identity = WindowsIdentity.GetCurrent();
        Assert.AreEqual(new LocalCaller($"User {identity.User}", 7, MayRead: true, MayChange: true) { User = identity.User!.Value }, new PipeRights(Stranger, null).Judge(identity, 7));
    }

    [TestMethod]
    public void AdministratorWhoIsNotElevated_MayNothing()
    {
        using var identity = Restricted(WellKnownSidType.BuiltinAdministratorsSid);
        var caller = new PipeRights(Stranger, null).Judge(identity, 7);
        Assert.IsFalse(caller.MayRead);
        Assert.IsFalse(caller.MayChange);
    }

    [TestMethod]
    public void MemberOfTheReaders_MayReadAndNotChange()
    {
        using var identity = Restricted(WellKnownSidType.BuiltinAdministratorsSid);
        var caller = new PipeRights(Stranger, Users).Judge(identity, 7);
        Assert.IsTrue(caller.MayRead);
        Assert.IsFalse(caller.MayChange);
    }

    [TestMethod]
    public void GroupThatOnlyDenies_LetsNobodyRead()
    {
        using var identity = Restricted(WellKnownSidType.BuiltinAdministratorsSid, WellKnownSidType.BuiltinUsersSid);
        Assert.IsFalse(new PipeRights(Stranger, Users).Judge(identity, 7).MayRead);
    }

    [TestMethod]
    public void OwnUserOfTwinsd_MayChange()
    {
        using var identity = Restricted(WellKnownSidType.BuiltinAdministratorsSid);
        Assert.IsTrue(new PipeRights(identity.User!, null).Judge(identity, 7).MayChange);
    }

    [TestMethod]
    public void PagesUser_MayConnect_AndNothingElse()
    {
        var security = new PipeRights(Stranger, Users, new SecurityIdentifier(WellKnownSidType.LocalServiceSid, null)).Security();
        Assert.AreEqual(AccessList.Replace("Allow S-1-5-21", "Allow S-1-5-19 0x12019B, Allow S-1-5-21", StringComparison.Ordinal), Describe(security));
    }

    [TestMethod]
    public void PagesProgram_IsThatProcessOfThatUser()
    {
        using var identity = Restricted(WellKnownSidType.BuiltinAdministratorsSid);
        var page = new PageIdentity(identity.User!.Value, 7);
        Assert.IsTrue(page.IsOf(new PipeRights(Stranger, null).Judge(identity, 7)));
        Assert.IsFalse(page.IsOf(new PipeRights(Stranger, null).Judge(identity, 8)));
        Assert.IsFalse(new PageIdentity("S-1-5-19", 7).IsOf(new PipeRights(Stranger, null).Judge(identity, 7)));
    }

    [TestMethod]
    public void AccessList_NamesWhoMayConnect_AndNobodyElse()
    {
        var security = new PipeRights(Stranger, Users).Security();
        Assert.IsTrue(security.AreAccessRulesProtected);
        Assert.AreEqual(AccessList, Describe(security));
    }

    [TestMethod]
    public void GroupThatIsNotThere_IsNobody()
    {
        using var identity = Restricted(WellKnownSidType.BuiltinAdministratorsSid);
        var security = PipeRights.OfThisMachine("no such group of ours").Security();
        CollectionAssert.AreEquivalent(
            new[] { "S-1-5-2", "S-1-5-18", "S-1-5-19", "S-1-5-32-544", identity.User!.Value },
            security.GetAccessRules(true, true, typeof(SecurityIdentifier)).Cast<PipeAccessRule>().Select(rule => rule.IdentityReference.Value).ToArray());
    }

    public static string Describe(PipeSecurity security) => string.Join(", ", security.GetAccessRules(true, true, typeof(SecurityIdentifier)).Cast<PipeAccessRule>()
        .Select(rule => $"{rule.AccessControlType} {rule.IdentityReference.Value} 0x{(int)rule.PipeAccessRights:X}").Order(StringComparer.Ordinal));

    private static WindowsIdentity Restricted(params WellKnownSidType[] without)
    {
        using var token = RestrictedToken.Without(without);
        return new WindowsIdentity(token.DangerousGetHandle());
    }
}
