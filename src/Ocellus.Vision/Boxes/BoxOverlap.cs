namespace Ocellus.Vision.Boxes;

/// <summary>How far boxes cover each other.</summary>
public static class BoxOverlap
{
    /// <summary>Intersection over union, 0 to 1; 0 for boxes without area.</summary>
    /// <remarks>Ratios serve as well as pixels: stretching an axis stretches all areas alike.</remarks>
    public static double Iou(Box a, Box b)
    {
        double width = Math.Min((double)a.Left + a.Width, (double)b.Left + b.Width) - Math.Max(a.Left, b.Left);
        double height = Math.Min((double)a.Top + a.Height, (double)b.Top + b.Height) - Math.Max(a.Top, b.Top);
        if (width <= 0 || height <= 0)
        {
            return 0;
        }

        double both = width * height;
        return both / ((double)a.Width * a.Height + (double)b.Width * b.Height - both);
    }
}
