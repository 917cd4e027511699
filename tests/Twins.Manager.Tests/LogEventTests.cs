using System.Reflection;
using Microsoft.Extensions.Logging;
using Twins.Manager.Access;

namespace Twins.Manager.Tests;

[TestClass]
public sealed class LogEventTests
{
    [TestMethod]
    public void EachMessage_HasANumberOfItsOwn()
    {
        var messages = typeof(RefusalLog).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(method => (Name: $"{method.DeclaringType!.Name}.{method.Name}", Message: method.GetCustomAttribute<LoggerMessageAttribute>()))
            .Where(found => found.Message is not null)
            .ToArray();
        Assert.IsGreaterThan(40, messages.Length);
        var shared = messages.GroupBy(found => found.Message!.EventId).Where(group => group.Key <= 0 || group.Count() > 1);
        Assert.AreEqual("", string.Join('\n', shared.Select(group => $"{group.Key}: {string.Join(", ", group.Select(found => found.Name))}")));
    }
}
